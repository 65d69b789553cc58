import { type AuditIntent, audited, type Done } from "../audit";
import { systemActor } from "../system-actor";

/** What the worker does to a KEK without anybody asking. */
export type KekChange = {
  readonly accountId: string;
  readonly instanceId: string;
  readonly uniqueIdentifier: string;
} & (
  | {
      /** It refers to another standard key from now on. */
      readonly kind: "moved";
      readonly oldKeyId: string;
      readonly to: { readonly keyId: string; readonly crkId: string; readonly crkVersion: string | null };
    }
  /** Somebody deleted its standard key in the key manager: it is destroyed. */
  | { readonly kind: "lost"; readonly oldKeyId: string }
  /** What an interrupted Create, Destroy or move left behind is put in order. */
  | { readonly kind: "orphanRemoved" | "destructionFinished" | "copyRemoved" }
);

/** Makes a change of a KEK in the order of audit; `work` says when it is made. */
export type AuditChange = <Result>(
  change: KekChange,
  work: (done: Done) => Promise<Result>,
) => Promise<Result>;

/** All of it is tried again until it succeeds: only that is an event. */
function intentOf(change: KekChange): AuditIntent {
  const { instanceId, uniqueIdentifier } = change;
  const common = { target: { id: uniqueIdentifier }, instanceId, failures: "retried" } as const;

  switch (change.kind) {
    case "moved": {
      const { keyId, crkId, crkVersion } = change.to;

      return {
        ...common,
        action: "vmware-solutions.kmip-key.rewrap",
        requestData: { keyManagerKeyId: change.oldKeyId },
        responseData: { keyManagerKeyId: keyId, crkId, crkVersion },
      };
    }
    case "lost":
      // The same event as that of an endpoint which finds a KEK's standard key deleted.
      return {
        ...common,
        action: "vmware-solutions.kmip-key.destroy",
        requestData: {
          cause: "standard key deleted in the key manager",
          keyManagerKeyId: change.oldKeyId,
        },
      };
    default:
      return {
        ...common,
        action: "vmware-solutions.kmip-key.reconcile",
        requestData: { kind: change.kind },
        effects: "outside",
      };
  }
}

/** The worker's changes as audit events. */
export const auditChange: AuditChange = (change, work) =>
  audited(systemActor("worker", change.accountId), intentOf(change), work);
