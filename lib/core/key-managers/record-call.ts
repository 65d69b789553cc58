import { database } from "@/lib/db";
import type { Actor } from "../actor";
import { audited, type ConsoleAction } from "../audit";
import { hostOf } from "./host-of";

/** What a key manager is asked, as the audit knows it before it is. */
type KeyManagerQuestion = {
  readonly action: Extract<
    ConsoleAction,
    | "vmware-solutions.key-manager.discover"
    | "vmware-solutions.root-key.list"
    | "vmware-solutions.permission-check.run"
  >;
  readonly kind: string;
  /** Address of the key manager instance (a CRN …); absent where all are looked for. */
  readonly keyManagerCrn?: string;
  /** Base URL that was given or is known. */
  readonly endpoint?: string | null | undefined;
  /** KMIP instance that it is for. */
  readonly instanceId?: string | undefined;
  /** A secret of the caller's own was given; else it is the deployment's token, or what the instance has. */
  readonly ownSecret: boolean;
};

/**
 * Asks a key manager for somebody, recorded with the address where it is asked and whatever comes of it: nothing is sent
 * there without a record.
 * @param told what of the answer is recorded
 * @throws what `ask` throws, recorded; AppError AUDIT_UNAVAILABLE before anything is asked
 */
export function recordCall<Answer>(
  actor: Actor,
  { action, kind, keyManagerCrn, endpoint, instanceId, ownSecret }: KeyManagerQuestion,
  ask: () => Promise<Answer>,
  told: (answer: Answer) => { readonly [fact: string]: unknown },
): Promise<Answer> {
  return audited(
    actor,
    {
      action,
      target: { id: keyManagerCrn ?? kind },
      instanceId: instanceId ?? null,
      requestData: {
        keyManager: kind,
        endpoint: hostOf(endpoint),
        credentials: ownSecret ? "given" : "kept",
      },
      effects: "outside",
    },
    async (done) => {
      const answer = await ask();

      await done(database().pool, { responseData: told(answer) });

      return answer;
    },
  );
}
