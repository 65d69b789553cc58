import { word } from "@/lib/shell-word";
import type { Findings } from "../checks/run-checks";
import { askAddress, BEARER, crkId, grant, kp, newApiKey, newRootKey } from "./commands";

/** What the checks of a service of IBM Cloud can find, and the command for it. */
export const IBM_FINDINGS = {
  API_KEY_ACCEPTED: { status: "pass" },
  API_KEY_EXPIRES_SOON: { status: "warn", command: newApiKey },
  API_KEY_REFUSED: { status: "fail", command: newApiKey },
  API_KEY_DISABLED: {
    status: "fail",
    command: (p) =>
      `curl -X POST "https://iam.cloud.ibm.com/v1/apikeys/${word(p.apiKeyId, "API_KEY_ID")}/enable" ${BEARER}`,
  },
  API_KEY_EXPIRED: { status: "fail", command: newApiKey },
  IAM_UNAVAILABLE: { status: "fail" },

  SERVICE_ID_KNOWN: { status: "pass" },
  API_KEY_OF_USER: { status: "warn", command: () => "ibmcloud iam service-id-create kmip-console" },

  INSTANCE_REACHED: { status: "pass" },
  ENDPOINT_TYPED: { status: "warn" },
  ENDPOINT_NOT_ALLOWED: { status: "fail" },
  KEY_MANAGER_INACTIVE: {
    status: "fail",
    command: (p) => `ibmcloud resource reclamations --resource-instance-id ${word(p.guid, "INSTANCE_GUID")}`,
  },
  ENDPOINT_UNKNOWN: {
    status: "fail",
    command: (p) => `ibmcloud resource service-instance ${word(p.guid, "INSTANCE_GUID")} --output json`,
  },
  KEY_MANAGER_UNREACHABLE: { status: "fail", command: askAddress },
  KEY_MANAGER_TIMEOUT: { status: "fail", command: askAddress },
  KEY_MANAGER_THROTTLED: { status: "fail" },
  KEY_MANAGER_FAILURE: { status: "fail" },
  KEY_MANAGER_REFUSED: { status: "fail" },
  HPCS_NOT_INITIALIZED: { status: "fail", command: () => "ibmcloud tke cryptounit-compare" },

  PLATFORM_VIEWER_HELD: { status: "pass" },
  CRN_INVALID: { status: "fail" },
  KEY_MANAGER_NOT_FOUND: { status: "fail", command: grant("Viewer") },
  PLATFORM_VIEWER_MISSING: { status: "fail", command: grant("Viewer") },
  RESOURCE_CONTROLLER_UNAVAILABLE: { status: "fail" },

  SERVICE_MANAGER_HELD: { status: "pass" },
  SERVICE_MANAGER_MISSING: { status: "fail", command: grant("Manager") },

  STANDARD_KEYS_ALLOWED: { status: "pass" },
  STANDARD_KEYS_BLOCKED: {
    status: "fail",
    command: (p) =>
      `curl -X PUT "${p.endpoint}/api/v2/instance/policies?policy=keyCreateImportAccess" ${BEARER} -H "Bluemix-Instance: ${p.guid}" -H "Content-Type: application/json" -d '${p.policy}'`,
  },
  NETWORK_POLICY_BLOCKS: {
    status: "fail",
    command: kp(() => "instance policy-update allowed-network --enable --network public-and-private"),
  },
  ADDRESS_POLICY_ON: { status: "warn", command: kp(() => "instance policies") },
  DUAL_AUTH_DELETE_ON: {
    status: "warn",
    command: kp(() => "instance policy-update dual-auth-delete --disable"),
  },

  CRK_FOUND: { status: "pass" },
  CRK_OTHER_KEY_RING: { status: "warn" },
  CRK_NOT_FOUND: { status: "fail", command: kp(() => "keys") },
  CRK_FORBIDDEN: { status: "fail", command: grant("Manager") },
  CRK_IS_ROOT_KEY: { status: "pass" },
  CRK_IS_STANDARD_KEY: { status: "fail", command: newRootKey },
  CRK_ACTIVE: { status: "pass" },
  CRK_EXPIRES_SOON: { status: "warn" },
  CRK_DISABLED: { status: "fail", command: kp((p) => `key enable ${crkId(p)}`) },
  CRK_DEACTIVATED: { status: "fail", command: newRootKey },
  CRK_DESTROYED: { status: "fail", command: kp((p) => `key restore ${crkId(p)}`) },
  CRK_PRE_ACTIVE: { status: "fail" },

  WRAP_UNWRAP_WORKS: { status: "pass" },
  WRAP_FORBIDDEN: { status: "fail", command: grant("Manager") },
  PROBE_CHANGED: { status: "fail" },
} as const satisfies Findings;

export type IbmCode = keyof typeof IBM_FINDINGS;
