/**
 * A CADF audit event in the form of IBM Cloud Activity Tracking / Cloud Logs.
 */
export type AuditOutcome = "success" | "failure" | "pending";
export type AuditSeverity = "normal" | "warning" | "critical";

/** Identity of an event: a UUID of version 7, and its time. */
export type EventStamp = { readonly id: string; readonly time: Date };

/** What a caller knows when something happened; the writer adds id, time, node, sequence and hashes. */
export type AuditEventInput = {
  /** `service.objectType.verb`, e.g. `vmware-solutions.kmip-key.read`. */
  readonly action: string;
  readonly outcome: AuditOutcome;
  readonly severity: AuditSeverity;
  /** Human sentence, `Service: text` and `-failure` at the end of failures. */
  readonly message: string;
  readonly accountId: string | null;
  readonly instanceId: string | null;
  /** Moves key material or reads data, as opposed to managing. */
  readonly dataEvent: boolean;
  readonly correlationId: string;
  readonly initiator: {
    readonly id: string;
    readonly name: string;
    readonly typeURI: string;
    readonly credentialType: string;
    readonly address: string | null;
    readonly agent: string | null;
  };
  readonly target: { readonly id: string; readonly name: string | null; readonly typeURI: string };
  readonly reason?: {
    readonly reasonCode: number;
    readonly reasonType: string;
    readonly reasonForFailure?: string;
  };
  readonly requestData?: { readonly [key: string]: unknown };
  readonly responseData?: { readonly [key: string]: unknown };
  /**
   * What this event has in common with others: those that name the same object here say the same but for the target's
   * id (once in the message), the correlation id, the initiator's address and the number `requestData.remotePort`.
   */
  readonly like?: object | undefined;
  /**
   * Given where several processes may write the same event: it is in the log once, whoever comes first. Left out, the
   * writer makes it.
   */
  readonly stamp?: EventStamp;
};

/** Writes audit events with group commit and a hash chain per writer. */
export interface AuditSink {
  /** Resolves when every event is durable. @throws when they cannot be written: what they record must then not happen. */
  write(events: readonly AuditEventInput[]): Promise<void>;
}
