import { type Actor, requireRole } from "@/lib/core/actor";
import type { PermissionReport } from "@/lib/core/permissions/report";
import { runPermissionChecks } from "@/lib/core/permissions/run-permission-checks";
import { requireApiKey, requireCrn, requireIbmKind } from "./credentials";
import { type IbmCloud, ibmCloud } from "./ibm-cloud";
import type { KeyManagerTarget } from "./list-root-keys";

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

  const kind = requireIbmKind(input.kind);
  const apiKey = requireApiKey(input.apiKey);
  requireCrn(kind, input.keyManagerCrn);

  const { report } = await runPermissionChecks(
    {
      kind,
      apiKey,
      keyManagerCrn: input.keyManagerCrn,
      crkId: input.crkId,
      keyRing: input.keyRing,
      correlationId: actor.requestId,
    },
    cloud,
  );

  return report;
}
