import { type Actor, requireRole } from "@/lib/core/actor";
import type { PermissionReport } from "@/lib/core/permissions/report";
import { runPermissionChecks } from "@/lib/core/permissions/run-permission-checks";
import type { Secret } from "@/lib/ibm-cloud/secret";
import { givenEndpoint, requireApiKey, requireCrn } from "./credentials";
import { type IbmCloud, ibmCloud } from "./ibm-cloud";
import type { KeyManagerTarget } from "./list-root-keys";
import { openToken, requirePin } from "./open-token";
import { isByAuthorization, requireOwnInstance } from "./token-source";

/**
 * The permission report for a choice of key manager and root key, before anything is ordered. Nothing is saved, and
 * nothing changes in the key manager but that a random probe is wrapped and unwrapped.
 * @throws AppError FORBIDDEN (role operator), VALIDATION_FAILED, NOT_AVAILABLE; never for what a check can find
 */
export async function validateKeyManager(
  actor: Actor,
  input: KeyManagerTarget & { crkId: string; keyRing?: string | undefined },
  cloud: IbmCloud = ibmCloud(),
): Promise<PermissionReport> {
  requireRole(actor, "operator");

  const { kind } = input;
  let credentials: { readonly apiKey: Secret } | { readonly authorizedFor: string };

  if (kind === "pkcs11") {
    credentials = { apiKey: requirePin(input.apiKey) };
    // What is no token's address, or of a module that is not there, is the asker's mistake and no finding.
    openToken(input.keyManagerCrn, credentials.apiKey);
  } else {
    credentials = isByAuthorization(kind, input)
      ? { authorizedFor: await requireOwnInstance(actor, input) }
      : { apiKey: requireApiKey(input.apiKey) };
    requireCrn(kind, input.keyManagerCrn);
  }

  const { report } = await runPermissionChecks(
    {
      kind,
      ...credentials,
      keyManagerCrn: input.keyManagerCrn,
      crkId: input.crkId,
      keyRing: input.keyRing,
      givenEndpoint: givenEndpoint(cloud, input.endpoint, "endpoint"),
      correlationId: actor.requestId,
    },
    cloud,
  );

  return report;
}
