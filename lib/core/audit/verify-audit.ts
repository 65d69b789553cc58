import { type ChainProblem, verifyAllChains } from "@/lib/audit/verify-chain";
import { database } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { recordAction } from "./record-action";

export type AuditVerification = {
  readonly ok: boolean;
  /** Events checked. */
  readonly checked: number;
  readonly heads: readonly { readonly node: string; readonly sequence: number; readonly hash: string }[];
  readonly firstBreak?: {
    readonly node: string;
    readonly sequence: number;
    readonly eventId: string | null;
    readonly problem: ChainProblem;
  };
};

/**
 * Checks the hash chains of all writers of this deployment (a chain runs through all accounts; of other
 * accounts' events nothing but numbers and hashes is told). The check is itself an audit event.
 * @throws AppError FORBIDDEN, AUDIT_UNAVAILABLE
 */
export async function verifyAudit(actor: Actor, signal?: AbortSignal): Promise<AuditVerification> {
  requireRole(actor, "auditor");

  const chains = await verifyAllChains(database().reports, signal === undefined ? {} : { signal });
  const broken = chains.find((chain) => chain.firstBreak !== null)?.firstBreak ?? null;
  const result: AuditVerification = {
    ok: broken === null,
    checked: chains.reduce((sum, chain) => sum + chain.checked, 0),
    heads: chains.map((chain) => ({
      node: chain.node,
      sequence: Number(chain.head.sequence),
      hash: Buffer.from(chain.head.hash).toString("hex"),
    })),
    ...(broken === null
      ? {}
      : {
          firstBreak: {
            node: broken.node,
            sequence: Number(broken.sequence),
            eventId: broken.eventId,
            problem: broken.problem,
          },
        }),
  };

  await recordAction(actor, {
    action: "vmware-solutions.audit-event.verify",
    target: { id: actor.accountId },
    ...(broken === null ? {} : { severity: "critical" as const }),
    responseData: { ok: result.ok, checked: result.checked, firstBreak: result.firstBreak ?? null },
  });

  return result;
}
