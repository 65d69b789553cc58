import { join } from "node:path";
import { z } from "zod";
import { ibmCloud } from "@/lib/core/key-managers/ibm-cloud";
import type { Env } from "@/lib/env";
import { KMIP_SERVICE_NAME } from "@/lib/ibm-cloud/iam";
import { Secret } from "@/lib/ibm-cloud/secret";
import { readSandboxCredentials } from "@/sandbox";
import { CliError } from "./usage";

const ROLES = [
  "crn:v1:bluemix:public:iam::::role:Viewer",
  "crn:v1:bluemix:public:hs-crypto::::serviceRole:VMwareKMIPManager",
];
const TIMEOUT_MS = 10_000;

/**
 * Does in the sandbox what `ibmcloud iam authorization-policy-create` does in IBM Cloud.
 * @returns the id of the authorization
 * @throws CliError when the sandbox is off or refuses
 */
export async function authorizeInSandbox(settings: Env, instanceId: string): Promise<string> {
  if (!settings.sandboxUrl) {
    throw new CliError("The sandbox is off (SANDBOX_PORT=off).");
  }

  const { accountId, administrator, hpcs } = await readSandboxCredentials({
    dataDir: join(settings.DATA_DIR, "sandbox"),
    baseUrl: settings.sandboxUrl,
  });
  const { value } = await ibmCloud()
    .iam.tokenSource(new Secret(administrator.apiKey))
    .token({ correlationId: "cli" });
  const side = (serviceName: string, serviceInstance: string) => ({
    attributes: Object.entries({ accountId, serviceName, serviceInstance }).map(([key, text]) => ({
      key,
      operator: "stringEquals",
      value: text,
    })),
  });
  const response = await fetch(`${settings.sandboxUrl}/v2/policies`, {
    method: "POST",
    headers: { Authorization: `Bearer ${value.reveal()}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      type: "authorization",
      subject: side(KMIP_SERVICE_NAME, instanceId),
      control: { grant: { roles: ROLES.map((role_id) => ({ role_id })) } },
      resource: side("hs-crypto", hpcs.guid),
    }),
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 201) {
    throw new CliError(`The sandbox answers ${response.status}.`);
  }

  return z.object({ id: z.string() }).parse(await response.json()).id;
}
