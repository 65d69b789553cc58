import type { AuditEventInput, AuditSink } from "@/lib/audit/event";
import { type KmipEventContext, kmipAuditEvents } from "@/lib/audit/kmip-events";
import type { AuditWriter, KmipAuditRecord, Tenant } from "@/lib/kmip/ports";

export type KmipAuditWriterOptions = {
  readonly sink: AuditSink;
  /** Account and names of a tenant, from memory in the common case. */
  describe(tenant: Tenant): KmipEventContext | Promise<KmipEventContext>;
  /** Told of every record after it became durable (who was served what, and when). Must not throw. */
  readonly onWritten?: (records: readonly KmipAuditRecord[]) => void;
};

/** The engine's AuditWriter: KMIP records become CADF events of the instance's account. */
export function createKmipAuditWriter(options: KmipAuditWriterOptions): AuditWriter {
  return {
    async write(records) {
      const events: AuditEventInput[] = [];

      for (const record of records) {
        const known = options.describe(record.tenant);

        events.push(...kmipAuditEvents(record, known instanceof Promise ? await known : known));
      }

      await options.sink.write(events);
      options.onWritten?.(records);
    },
  };
}
