import type { AuditSink } from "@/lib/audit/event";
import type { Database } from "@/lib/db";
import type { AuditWriter, EngineLogger } from "@/lib/kmip/ports";
import { createKmipAuditWriter } from "../audit/kmip-audit-writer";
import { type ActionRecord, actionEvent } from "../audit/record-action";
import { type ChangeEvents, createChangeEvents } from "../change-events";
import { renewInstanceToken } from "../key-managers/open-key-manager";
import { systemActor } from "../system-actor";
import { createKeyStore, type DatabaseKeyStore, type KeyStoreOptions } from "./key-store";
import { createServedRecorder } from "./served-recorder";
import { createTenantDirectory, type DatabaseTenantDirectory } from "./tenant-directory";

export type KmipPortsOptions = {
  readonly database: Database;
  /** The process's audit writer. */
  readonly sink: AuditSink;
  readonly logger: EngineLogger;
} & Pick<KeyStoreOptions, "clock" | "openKeyManager" | "timeoutMs" | "maxObjects" | "maxMaterials">;

/** Everything that the KMIP engine and its server need from outside of the protocol. */
export type KmipPorts = {
  readonly store: DatabaseKeyStore;
  readonly tenants: DatabaseTenantDirectory;
  readonly audit: AuditWriter;
  /** What other processes tell. */
  readonly events: ChangeEvents;
  /** Resolves when other processes' changes arrive; until then everything is read from the database. */
  readonly ready: Promise<void>;
  /** Writes what is pending, zeroes plaintext, ends the subscriptions. The database and the sink stay open. */
  close(): Promise<void>;
};

/** Puts the ports of a KMIP endpoint together. */
export function createKmipPorts(options: KmipPortsOptions): KmipPorts {
  const { database, sink, logger, ...rest } = options;
  const events = createChangeEvents(database.url, { logger });
  const tenants = createTenantDirectory({ database, events, logger });
  const served = createServedRecorder({
    database,
    logger,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  const store = createKeyStore({
    ...rest,
    database,
    events,
    logger,
    // An API key that was disabled is refused with the next token only, which may be an hour away.
    onInstanceChanged: renewInstanceToken,
    async onGone({ accountId, instanceId, uniqueIdentifier, keyManagerKeyId }) {
      const record: ActionRecord = {
        action: "vmware-solutions.kmip-key.destroy",
        target: { id: uniqueIdentifier },
        instanceId,
        requestData: { cause: "standard key deleted in the key manager", keyManagerKeyId },
      };

      try {
        await sink.write([actionEvent(systemActor("kmip", accountId), record)]);
      } catch (error) {
        // The refused Get is an audit event of its own; without it nothing is answered.
        logger.error({ err: error, instanceId, uniqueIdentifier }, "loss of a KEK not written to the audit");
      }
    },
  });

  return {
    store,
    tenants,
    events,
    audit: createKmipAuditWriter({
      sink,
      describe: (tenant) => tenants.describe(tenant),
      onWritten: (records) => served.note(records),
    }),
    ready: events.ready,
    async close() {
      await served.close().catch((error: unknown) => {
        logger.warn({ err: error }, "last uses of KEKs not written");
      });
      tenants.close();
      store.close();
      await events.close();
    },
  };
}
