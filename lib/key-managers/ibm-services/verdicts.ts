import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import type { ApiKeyDetails } from "@/lib/ibm-cloud/iam-schemas";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { ADDRESS_NOT_ALLOWED } from "@/lib/outbound/agent";
import type { Verdict } from "../checks/run-checks";
import type { KeyManagerError } from "../key-manager";
import type { KeyMetadata } from "../key-protect/adapter";
import type { IbmCode } from "./findings";

export type IbmVerdict = Verdict<IbmCode>;

/** What ends within this time is worth a warning. */
export const SOON_MS = 14 * 24 * 3600 * 1000;

/** When an API key ends. Null when it does not. */
export function expiryOf(details: ApiKeyDetails): Date | null {
  const time = Date.parse(details.expires_at ?? "");

  return Number.isNaN(time) ? null : new Date(time);
}

/** The finding for the state of a root key. */
export function judgeCrkState(crk: KeyMetadata): IbmVerdict {
  switch (crk.state) {
    case "suspended":
      return { code: "CRK_DISABLED" };
    case "deactivated":
      return { code: "CRK_DEACTIVATED" };
    case "destroyed":
      return { code: "CRK_DESTROYED" };
    case "preActive":
      return { code: "CRK_PRE_ACTIVE" };
    case "active":
      return crk.expiresAt !== null && crk.expiresAt.getTime() - Date.now() < SOON_MS
        ? { code: "CRK_EXPIRES_SOON", params: { expiresAt: crk.expiresAt.toISOString() } }
        : { code: "CRK_ACTIVE" };
  }
}

/** The finding for a key manager that gives no useful answer. */
export function trouble(failure: KeyManagerError): IbmVerdict {
  const params = { cause: failure.message, keyManagerCode: failure.code ?? "" };

  if (failure.code === ADDRESS_NOT_ALLOWED) {
    return { code: "ENDPOINT_NOT_ALLOWED" };
  }

  switch (failure.failure) {
    case "unreachable":
      return { code: "KEY_MANAGER_UNREACHABLE", params };
    case "timeout":
      return { code: "KEY_MANAGER_TIMEOUT", params };
    case "throttled":
      return { code: "KEY_MANAGER_THROTTLED", params };
    case "serverError":
      return { code: "KEY_MANAGER_FAILURE", params };
    case "credentials":
      return { code: "API_KEY_REFUSED", params: { iamCode: failure.code ?? "" } };
    default:
      return failure.code === "CKR_IBM_WK_NOT_INITIALIZED"
        ? { code: "HPCS_NOT_INITIALIZED" }
        : { code: "KEY_MANAGER_REFUSED", params };
  }
}

/** The public cloud's Key Protect has one address a region ("Regions and endpoints"); HPCS instances have their own. */
export function conventionalEndpoint(cloud: IbmCloud, service: string, region: string): string | null {
  if (!cloud.isPublicCloud || service !== "kms" || !/^[a-z0-9-]+$/.test(region)) {
    return null;
  }

  return `https://${cloud.endpointType === "private" ? "private." : ""}${region}.kms.cloud.ibm.com`;
}

/** A failure of IBM Cloud that checks expect. @throws anything else, which is a bug */
export function expected(error: unknown): IbmCloudError {
  if (error instanceof IbmCloudError) {
    return error;
  }

  throw error;
}
