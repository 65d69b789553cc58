import { type Actor, requireRole } from "@/lib/core/actor";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { givenEndpoint } from "@/lib/key-managers/given-endpoint";
import { requireCredential } from "../key-managers/credentials";
import { ibmCloud } from "../key-managers/ibm-cloud";
import type { KeyManagerTarget } from "../key-managers/list-root-keys";
import { requireProvider } from "../key-managers/providers";
import { recordCall } from "../key-managers/record-call";
import { toAppError } from "../key-managers/to-app-error";
import { type PermissionReport, recordOf } from "./report";
import { runPermissionChecks } from "./run-permission-checks";

/**
 * The permission report for a choice of key manager and root key, before anything is ordered. Nothing is saved, and
 * nothing changes in the key manager but that a random probe is wrapped and unwrapped.
 * @throws AppError FORBIDDEN (role operator), VALIDATION_FAILED, NOT_AVAILABLE, AUDIT_UNAVAILABLE; never for what a check can
 *   find
 */
export async function validateKeyManager(
  actor: Actor,
  input: KeyManagerTarget & { crkId: string; keyRing?: string | undefined },
  cloud: IbmCloud = ibmCloud(),
): Promise<PermissionReport> {
  requireRole(actor, "operator");

  const provider = requireProvider(input.kind);
  const check = async () => {
    try {
      const credential = await requireCredential(actor, provider, input);
      // What is no address of this kind, or of what is not there, is the asker's mistake and no finding.
      provider.guidOf(input.keyManagerCrn);

      return await runPermissionChecks(
        {
          kind: provider.kind,
          ...("secret" in credential ? { apiKey: credential.secret } : credential),
          keyManagerCrn: input.keyManagerCrn,
          crkId: input.crkId,
          keyRing: input.keyRing,
          givenEndpoint: givenEndpoint(cloud, credential, input.endpoint),
          correlationId: actor.requestId,
        },
        cloud,
      );
    } catch (error) {
      throw toAppError(error);
    }
  };
  const { report } = await recordCall(
    actor,
    {
      action: "vmware-solutions.permission-check.run",
      kind: provider.kind,
      keyManagerCrn: input.keyManagerCrn,
      endpoint: input.endpoint,
      instanceId: input.instanceId,
      ownSecret: input.apiKey !== undefined,
    },
    check,
    recordOf,
  );

  return report;
}
