import { word } from "@/lib/shell-word";
import type { Params } from "../checks/run-checks";

type Command = (params: Params) => string;

/** `ibmcloud iam …-policy-create` for a role on the key manager instance, for the owner of the API key. */
export function grant(role: string): Command {
  return (p) => {
    const subject = p.serviceId
      ? `service-policy-create ${word(p.serviceId, "SERVICE_ID")}`
      : p.iamId
        ? "user-policy-create USER_EMAIL"
        : "service-policy-create SERVICE_ID";

    return `ibmcloud iam ${subject} --roles ${role} --service-name ${word(p.service, "kms")} --service-instance ${word(p.guid, "INSTANCE_GUID")}`;
  };
}

/** The Key Protect plug-in of the ibmcloud CLI, pointed at HPCS by its variable where that is the key manager. */
export function kp(rest: Command): Command {
  return (p) => {
    const address =
      p.service === "hs-crypto" ? `KP_TARGET_ADDR=${word(p.endpoint, "KEY_MANAGEMENT_ENDPOINT")} ` : "";

    return `${address}ibmcloud kp ${rest(p)} -i ${word(p.guid, "INSTANCE_GUID")}`;
  };
}

export const crkId = (p: Params) => word(p.crkId, "ROOT_KEY_ID");
export const newApiKey: Command = (p) =>
  `ibmcloud iam service-api-key-create kmip-console ${word(p.serviceId, "SERVICE_ID")}`;
/** Any answer of the address, also a refusal, shows that the way there is free. */
export const askAddress: Command = (p) =>
  `curl -sS -I ${word(p.endpoint, "KEY_MANAGER_ENDPOINT")}/api/v2/keys`;
export const newRootKey = kp(() => "key create kmip-crk");

/** With the caller's own token, as `ibmcloud` has it. */
export const BEARER = '-H "Authorization: $(ibmcloud iam oauth-tokens --output json | jq -r .iam_token)"';
