import type { Database } from "@/lib/db";
import type { EngineLogger, KmipAuditRecord } from "@/lib/kmip/ports";

export type ServedRecorderOptions = {
  readonly database: Pick<Database, "pool">;
  readonly logger: EngineLogger;
  readonly clock?: { now(): Date };
  /** How often what was gathered is written, in milliseconds. */
  readonly everyMs?: number;
};

export interface ServedRecorder {
  /** Notes records that became durable in the audit. Never throws, never waits. */
  note(records: readonly KmipAuditRecord[]): void;
  /** Writes what was gathered. @throws when the database does not take it; it is kept for the next time */
  flush(): Promise<void>;
  /** Writes once more and stops. */
  close(): Promise<void>;
}

type Served = {
  readonly instanceId: string;
  readonly uniqueIdentifier: string;
  at: Date;
  certificateId: string;
  address: string;
  count: number;
};
type Seen = { readonly certificateId: string; readonly instanceId: string; at: Date; address: string };

/** Rows are locked in one order everywhere, so that endpoints that write at the same time never deadlock. */
const WRITE_SERVED = `
  WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::uuid[], $5::text[], $6::bigint[])
      AS t (instance_id, unique_identifier, at, certificate_id, address, times)
  ), locked AS (
    SELECT o.instance_id, o.unique_identifier FROM managed_object o JOIN given USING (instance_id, unique_identifier)
    ORDER BY o.instance_id, o.unique_identifier FOR NO KEY UPDATE OF o
  )
  UPDATE managed_object o SET
    served_count = o.served_count + g.times,
    last_served_to = CASE WHEN o.last_served_at > g.at THEN o.last_served_to ELSE g.certificate_id END,
    last_served_address = CASE WHEN o.last_served_at > g.at THEN o.last_served_address ELSE g.address END,
    last_served_at = greatest(o.last_served_at, g.at)
  FROM given g JOIN locked USING (instance_id, unique_identifier)
  WHERE o.instance_id = g.instance_id AND o.unique_identifier = g.unique_identifier`;
const WRITE_CERTIFICATES = `
  WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS t (id, at, address)
  ), locked AS (
    SELECT c.id FROM client_certificate c JOIN given USING (id) ORDER BY c.id FOR NO KEY UPDATE OF c
  )
  UPDATE client_certificate c SET last_seen_at = g.at, last_seen_address = g.address
  FROM given g JOIN locked USING (id)
  WHERE c.id = g.id AND (c.last_seen_at IS NULL OR c.last_seen_at <= g.at)`;
const WRITE_INSTANCES = `
  WITH given AS (
    SELECT id, max(at) AS at FROM unnest($1::uuid[], $2::timestamptz[]) AS t (id, at) GROUP BY id
  ), locked AS (
    SELECT i.id FROM instance i JOIN given USING (id) ORDER BY i.id FOR NO KEY UPDATE OF i
  )
  UPDATE instance i SET last_kmip_at = greatest(i.last_kmip_at, g.at)
  FROM given g JOIN locked USING (id) WHERE i.id = g.id`;

/**
 * Keeps "last served", "last seen" and "last used" up to date without a write per Get: it gathers in memory and
 * writes once a second. A process that is killed loses a second of it; the audit holds every access.
 */
export function createServedRecorder(options: ServedRecorderOptions): ServedRecorder {
  const { pool } = options.database;
  const clock = options.clock ?? { now: () => new Date() };
  let served = new Map<string, Served>();
  let seen = new Map<string, Seen>();
  let running: Promise<void> = Promise.resolve();

  /** Gathers what is new, and what could not be written a moment ago. */
  function addServed(entry: Served): void {
    const key = `${entry.instanceId}/${entry.uniqueIdentifier}`;
    const known = served.get(key);

    if (!known) {
      served.set(key, entry);

      return;
    }

    known.count += entry.count;

    if (known.at <= entry.at) {
      known.at = entry.at;
      known.certificateId = entry.certificateId;
      known.address = entry.address;
    }
  }

  function addSeen(entry: Seen): void {
    const known = seen.get(entry.certificateId);

    if (!known) {
      seen.set(entry.certificateId, entry);
    } else if (known.at <= entry.at) {
      known.at = entry.at;
      known.address = entry.address;
    }
  }

  async function write(): Promise<void> {
    const objects = [...served.values()];
    const certificates = [...seen.values()];

    served = new Map();
    seen = new Map();

    try {
      if (objects.length > 0) {
        await pool.query(WRITE_SERVED, [
          objects.map((entry) => entry.instanceId),
          objects.map((entry) => entry.uniqueIdentifier),
          objects.map((entry) => entry.at.toISOString()),
          objects.map((entry) => entry.certificateId),
          objects.map((entry) => entry.address),
          objects.map((entry) => entry.count),
        ]);
        objects.length = 0;
      }

      if (certificates.length > 0) {
        await pool.query(WRITE_CERTIFICATES, [
          certificates.map((entry) => entry.certificateId),
          certificates.map((entry) => entry.at.toISOString()),
          certificates.map((entry) => entry.address),
        ]);
        await pool.query(WRITE_INSTANCES, [
          certificates.map((entry) => entry.instanceId),
          certificates.map((entry) => entry.at.toISOString()),
        ]);
      }
    } catch (error) {
      objects.forEach(addServed);
      certificates.forEach(addSeen);
      throw error;
    }
  }

  function flush(): Promise<void> {
    const next = running.then(write);

    running = next.catch(() => {});

    return next;
  }

  const timer = setInterval(() => {
    flush().catch((error: unknown) => {
      options.logger.warn({ err: error }, "last uses of KEKs not written; trying again");
    });
  }, options.everyMs ?? 1_000);

  timer.unref();

  return {
    note(records) {
      const at = clock.now();

      for (const { tenant, remoteAddress, servedMaterial, uniqueIdentifiers } of records) {
        const { instanceId, certificateId } = tenant;

        // A connection test is nobody's use of the instance.
        if (tenant.probe !== undefined) {
          continue;
        }

        addSeen({ certificateId, instanceId, at, address: remoteAddress });

        if (servedMaterial) {
          for (const uniqueIdentifier of uniqueIdentifiers) {
            addServed({ instanceId, uniqueIdentifier, at, certificateId, address: remoteAddress, count: 1 });
          }
        }
      }
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
