import { word } from "@/lib/shell-word";
import type { Findings, Params } from "../checks/run-checks";
import { crkId, kp } from "../ibm-services/commands";
import { IBM_FINDINGS } from "../ibm-services/findings";

/** `ibmcloud iam authorization-policy-create` that lets a KMIP instance use an HPCS instance. */
export function authorizationCommand(kmipInstance: string | undefined, guid: string | undefined): string {
  return `ibmcloud iam authorization-policy-create vmware-solutions hs-crypto 'Viewer,VMware KMIP Manager' --source-service-instance-id ${word(kmipInstance, "KMIP_INSTANCE_ID")} --target-service-instance-id ${word(guid, "INSTANCE_GUID")}`;
}

/** The authorization between the KMIP instance and the HPCS instance. */
const authorize = (p: Params) => authorizationCommand(p.kmipInstance, p.guid);

/** What the checks of HPCS can find beside those of Key Protect, and the command for it. */
export const HPCS_FINDINGS = {
  ...IBM_FINDINGS,

  DEPLOYMENT_IDENTITY_ACCEPTED: { status: "pass" },
  DEPLOYMENT_IDENTITY_MISSING: { status: "fail" },
  DEPLOYMENT_IDENTITY_REFUSED: { status: "fail" },

  AUTHORIZATION_FOUND: { status: "pass" },
  AUTHORIZATION_MISSING: { status: "fail", command: authorize },
  AUTHORIZATION_NOT_NEEDED: { status: "skipped" },
  AUTHORIZED_VIEWER_MISSING: { status: "fail", command: authorize },

  KMIP_MANAGER_HELD: { status: "pass" },
  KMIP_MANAGER_MISSING: { status: "fail", command: authorize },
  STANDARD_KEYS_UNKNOWN: { status: "warn" },

  CRK_IN_DEFAULT_KEY_RING: { status: "pass" },
  CRK_NOT_IN_DEFAULT_KEY_RING: { status: "fail", command: kp((p) => `key update ${crkId(p)} -r default`) },
} as const satisfies Findings;

export type HpcsCode = keyof typeof HPCS_FINDINGS;
