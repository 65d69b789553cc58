import type { KmipEventContext } from "@/lib/audit/kmip-events";
import type { Database } from "@/lib/db";
import type { EngineLogger, Tenant, TenantDirectory } from "@/lib/kmip/ports";
import { Operation } from "@/lib/kmip/protocol/enumerations";
import type { ChangeEvents } from "../change-events";
import { CoherentCache } from "../coherent-cache";
import { Groups } from "../groups";

export type TenantDirectoryOptions = {
  readonly database: Pick<Database, "pool">;
  readonly events: ChangeEvents;
  readonly logger: EngineLogger;
  /** Pause before a failed look-up of certificates with open connections is repeated, in milliseconds. */
  readonly retryMs?: number;
};

/**
 * The directory itself is that of the shared listeners: an instance that has listeners of its own (HPCS) is nobody there.
 */
export interface DatabaseTenantDirectory extends TenantDirectory {
  /** The directory of the listeners that serve this instance alone: everybody else is nobody there. */
  dedicatedTo(instanceId: string): TenantDirectory;
  /** Account and names for the audit, from memory in the common case; also of a tenant that was removed a moment ago. */
  describe(tenant: Tenant): KmipEventContext | Promise<KmipEventContext>;
  close(): void;
}

type Entry = {
  readonly tenant: Tenant;
  /** The instance whose own listeners serve it; null for the shared ones. */
  readonly listener: string | null;
  readonly context: KmipEventContext;
  /** When a probe is over, in milliseconds of the monotonic clock; null for pinned certificates. */
  readonly endsAt: number | null;
  /** What `resolve` answers: made once, not at every message. */
  readonly settled: Promise<Tenant>;
};

type CertificateRow = {
  certificateId: string;
  certificateName: string | null;
  sha256: string;
  instanceId: string;
  instanceName: string;
  accountId: string;
  activateOnCreate: boolean;
  serveCompromised: boolean;
  dedicated: boolean;
  /** Milliseconds that a probe has left; null for pinned certificates. */
  probeMs: number | null;
};

const INSTANCE_COLUMNS = `
  i.id AS "instanceId", i.name AS "instanceName", i.account_id AS "accountId",
  i.activate_on_create AS "activateOnCreate", i.serve_compromised AS "serveCompromised",
  i.dedicated`;
/**
 * `attention` goes on serving what the key manager allows. Probes come last: should a certificate ever be both, it has
 * the probe's few rights. What a probe has left is reckoned by the database's clock, which set its end.
 */
const SELECT_CERTIFICATES = `
  SELECT c.id AS "certificateId", c.name AS "certificateName", c.sha256, ${INSTANCE_COLUMNS},
         NULL::float8 AS "probeMs"
  FROM client_certificate c JOIN instance i ON i.id = c.instance_id
  WHERE c.sha256 = ANY ($1::text[]) AND i.status IN ('installed', 'attention')
  UNION ALL
  SELECT p.test_id, NULL, p.sha256, ${INSTANCE_COLUMNS},
         (extract(epoch FROM p.expires_at - now()) * 1000)::float8
  FROM connection_probe p JOIN instance i ON i.id = p.instance_id
  WHERE p.sha256 = ANY ($1::text[]) AND p.expires_at > now() AND i.status IN ('installed', 'attention')
  ORDER BY "probeMs" NULLS FIRST`;

/** What a connection test needs to see that an endpoint serves its instance. */
const PROBE_OPERATIONS: ReadonlySet<number> = new Set([Operation.DiscoverVersions, Operation.Query]);

const MAX_CERTIFICATES = 100_000;
const RECHECK_BATCH = 1_000;

/** @param askedAt when the row was asked for, so that a slow answer does not prolong a probe */
function toEntry(row: CertificateRow, askedAt: number): Entry {
  const tenant: Tenant = {
    instanceId: row.instanceId,
    certificateId: row.certificateId,
    certificateSha256: row.sha256,
    policy: { activateOnCreate: row.activateOnCreate, serveCompromised: row.serveCompromised },
    ...(row.probeMs === null ? {} : { probe: { id: row.certificateId, operations: PROBE_OPERATIONS } }),
  };

  return {
    tenant,
    listener: row.dedicated ? row.instanceId : null,
    settled: Promise.resolve(tenant),
    context: {
      accountId: row.accountId,
      instanceName: row.instanceName,
      certificateName: row.certificateName,
    },
    endsAt: row.probeMs === null ? null : askedAt + row.probeMs,
  };
}

const isOver = ({ endsAt }: Entry): boolean => endsAt !== null && performance.now() >= endsAt;

/**
 * Tenants by client certificate, pinned or a connection test's: loaded at first use, then from memory until an event
 * says otherwise, or a test's time is over. An unknown certificate is looked up every time, so that a new one works at
 * once.
 */
export function createTenantDirectory(options: TenantDirectoryOptions): DatabaseTenantDirectory {
  const { pool } = options.database;
  const { events, logger } = options;
  const cache = new CoherentCache<Entry>({ max: MAX_CERTIFICATES, trusted: events.trusted });
  /** Certificates that were let in, with what they opened: their connections may still be open. */
  const admitted = new Map<string, Entry>();
  /** The same by instance. */
  const admittedTo = new Groups();
  const listeners = new Set<(certificateSha256: string) => void>();
  const recheck = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let checking = false;
  let closed = false;

  async function load(fingerprints: readonly string[]): Promise<Entry[]> {
    const askedAt = performance.now();
    const { rows } = await pool.query<CertificateRow>({
      name: "keks-tenants",
      text: SELECT_CERTIFICATES,
      values: [fingerprints],
    });

    return rows.map((row) => toEntry(row, askedAt));
  }

  async function admit(certificateSha256: string, listener: string | null): Promise<Tenant | null> {
    const entry = await cache.get(certificateSha256, async () => {
      const found = await load([certificateSha256]);

      return found.at(-1) ?? null;
    });

    if (entry === null) {
      return null;
    }

    if (isOver(entry)) {
      revoke(certificateSha256);

      return null;
    }

    forget(certificateSha256);
    admitted.set(certificateSha256, entry);
    admittedTo.add(entry.tenant.instanceId, certificateSha256);

    return entry.listener === listener ? entry.tenant : null;
  }

  function forget(sha256: string): void {
    const entry = admitted.get(sha256);

    if (entry) {
      admitted.delete(sha256);
      admittedTo.delete(entry.tenant.instanceId, sha256);
    }
  }

  function revoke(sha256: string): void {
    cache.invalidate(sha256);
    forget(sha256);

    for (const listener of listeners) {
      listener(sha256);
    }
  }

  /** Looks whether admitted certificates still open their instances; repeats until the database answers. */
  async function runRecheck(): Promise<void> {
    if (checking || closed) {
      return;
    }

    checking = true;

    try {
      while (recheck.size > 0) {
        const batch = [...recheck].slice(0, RECHECK_BATCH);
        const found = new Map((await load(batch)).map((entry) => [entry.tenant.certificateSha256, entry]));

        for (const sha256 of batch) {
          recheck.delete(sha256);

          const [now, before] = [found.get(sha256), admitted.get(sha256)];

          if (now?.tenant.instanceId !== before?.tenant.instanceId || now?.listener !== before?.listener) {
            revoke(sha256);
          }
        }
      }
    } catch (error) {
      logger.warn({ err: error }, "open connections' certificates could not be checked; trying again");
      timer ??= setTimeout(() => {
        timer = null;
        void runRecheck();
      }, options.retryMs ?? 1_000);
    } finally {
      checking = false;
    }
  }

  function startRecheck(fingerprints: Iterable<string>): void {
    for (const sha256 of fingerprints) {
      cache.invalidate(sha256);
      recheck.add(sha256);
    }

    void runRecheck();
  }

  async function readContext(tenant: Tenant): Promise<KmipEventContext> {
    const { rows } = await pool.query<{
      accountId: string;
      instanceName: string;
      certificateName: string | null;
    }>(
      `SELECT i.account_id AS "accountId", i.name AS "instanceName", c.name AS "certificateName"
       FROM instance i LEFT JOIN client_certificate c ON c.id = $2 AND c.instance_id = i.id WHERE i.id = $1`,
      [tenant.instanceId, tenant.certificateId],
    );

    return rows[0] ?? { accountId: null, instanceName: null, certificateName: null };
  }

  const unsubscribe = events.subscribe({
    onEvent(event) {
      switch (event.type) {
        case "certificate.added":
          cache.invalidate(event.sha256);
          break;
        case "certificate.removed":
          revoke(event.sha256);
          break;
        case "instance.changed":
        case "instance.removed":
          startRecheck(admittedTo.keysOf(event.instanceId));
          break;
        case "kek.changed":
          break;
      }
    },
    onGap() {
      cache.clear();
      startRecheck([...admitted.keys()]);
    },
  });

  /** @param listener the instance whose own listener asks; null for the shared ones */
  function resolve(certificateSha256: string, listener: string | null): Promise<Tenant | null> {
    const known = cache.peek(certificateSha256);

    return known !== undefined &&
      known.listener === listener &&
      admitted.get(certificateSha256) === known &&
      !isOver(known)
      ? known.settled
      : admit(certificateSha256, listener);
  }

  function onRevoked(listener: (certificateSha256: string) => void): () => void {
    listeners.add(listener);

    return () => {
      listeners.delete(listener);
    };
  }

  return {
    resolve: (certificateSha256) => resolve(certificateSha256, null),
    onRevoked,
    dedicatedTo: (instanceId) => ({
      resolve: (certificateSha256) => resolve(certificateSha256, instanceId),
      onRevoked,
    }),

    describe(tenant) {
      const known = admitted.get(tenant.certificateSha256);

      return known?.tenant.instanceId === tenant.instanceId ? known.context : readContext(tenant);
    },

    close() {
      closed = true;
      unsubscribe();
      listeners.clear();

      if (timer) {
        clearTimeout(timer);
      }
    },
  };
}
