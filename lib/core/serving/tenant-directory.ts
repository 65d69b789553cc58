import type { KmipEventContext } from "@/lib/audit/kmip-events";
import type { ChangeEvent, Database } from "@/lib/db";
import type { CertificateRefusal, EngineLogger, Tenant, TenantDirectory } from "@/lib/kmip/ports";
import type { ChangeEvents } from "../change-events";
import { CoherentCache } from "../coherent-cache";
import { Groups } from "../groups";
import { type Entry, isOver, loadEntries } from "./tenant-entries";

export type TenantDirectoryOptions = {
  readonly database: Pick<Database, "pool">;
  readonly events: ChangeEvents;
  readonly logger: EngineLogger;
  /** Pause before a failed look-up of certificates with open connections is repeated, in milliseconds. */
  readonly retryMs?: number;
  /** How often open connections are looked through for certificates that have come to their end, in milliseconds. */
  readonly sweepMs?: number;
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

const MAX_CERTIFICATES = 100_000;
const RECHECK_BATCH = 1_000;
const RETRY_MS = 1_000;
const SWEEP_MS = 60_000;

/** Certificates that were let in, with what they opened: their connections may still be open. */
class Admitted {
  readonly #entries = new Map<string, Entry>();
  readonly #byInstance = new Groups();

  get(sha256: string): Entry | undefined {
    return this.#entries.get(sha256);
  }

  add(entry: Entry): void {
    const { certificateSha256, instanceId } = entry.tenant;

    this.delete(certificateSha256);
    this.#entries.set(certificateSha256, entry);
    this.#byInstance.add(instanceId, certificateSha256);
  }

  delete(sha256: string): void {
    const entry = this.#entries.get(sha256);

    if (entry) {
      this.#entries.delete(sha256);
      this.#byInstance.delete(entry.tenant.instanceId, sha256);
    }
  }

  /** @param instanceId only those of this instance */
  fingerprints(instanceId: string | null = null): readonly string[] {
    return instanceId === null ? [...this.#entries.keys()] : this.#byInstance.keysOf(instanceId);
  }

  /** Those whose time is over. */
  over(): readonly Entry[] {
    return [...this.#entries.values()].filter(isOver);
  }
}

class PostgresTenantDirectory implements DatabaseTenantDirectory {
  readonly #pool: Database["pool"];
  readonly #logger: EngineLogger;
  readonly #retryMs: number;
  readonly #cache: CoherentCache<Entry>;
  readonly #admitted = new Admitted();
  readonly #listeners = new Set<(certificateSha256: string) => void>();
  readonly #recheck = new Set<string>();
  /** Pinned certificates that were refused for their dates when they were last looked up. */
  readonly #refusals = new Map<string, CertificateRefusal>();
  readonly #unsubscribe: () => void;
  readonly #sweeper: NodeJS.Timeout;
  #timer: NodeJS.Timeout | null = null;
  #checking = false;
  #closed = false;

  constructor(options: TenantDirectoryOptions) {
    const { events } = options;

    this.#pool = options.database.pool;
    this.#logger = options.logger;
    this.#retryMs = options.retryMs ?? RETRY_MS;
    this.#cache = new CoherentCache({ max: MAX_CERTIFICATES, trusted: events.trusted });
    this.#unsubscribe = events.subscribe({
      onEvent: (event) => this.#onEvent(event),
      onGap: () => {
        this.#cache.clear();
        this.#startRecheck(this.#admitted.fingerprints());
      },
    });
    this.#sweeper = setInterval(() => this.#sweep(), options.sweepMs ?? SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Ends the connections of certificates that have come to their end; such a client is judged anew when it comes back. */
  #sweep(): void {
    for (const { tenant, context } of this.#admitted.over()) {
      const { certificateSha256, certificateId, instanceId } = tenant;

      if (tenant.probe === undefined) {
        this.#logger.warn(
          { certificateId, certificateSha256, instanceId, certificateName: context.certificateName },
          "a client certificate has come to its end; its connections are closed",
        );
      }

      this.#revoke(certificateSha256);
    }
  }

  #onEvent(event: ChangeEvent): void {
    switch (event.type) {
      case "certificate.added":
        this.#cache.invalidate(event.sha256);
        break;
      case "certificate.removed":
        this.#revoke(event.sha256);
        break;
      case "instance.changed":
      case "instance.removed":
        this.#startRecheck(this.#admitted.fingerprints(event.instanceId));
        break;
      case "kek.changed":
        break;
    }
  }

  async #load(fingerprints: readonly string[]): Promise<Entry[]> {
    const { entries, refusals } = await loadEntries(this.#pool, fingerprints);

    for (const sha256 of fingerprints) {
      const why = refusals.get(sha256);

      if (why === undefined) {
        this.#refusals.delete(sha256);
      } else {
        this.#refusals.set(sha256, why);
      }
    }

    return entries;
  }

  refusal(certificateSha256: string): CertificateRefusal | null {
    return this.#refusals.get(certificateSha256) ?? null;
  }

  async #admit(certificateSha256: string, listener: string | null): Promise<Tenant | null> {
    const entry = await this.#cache.get(certificateSha256, async () => {
      const found = await this.#load([certificateSha256]);

      return found.at(-1) ?? null;
    });

    if (entry === null) {
      return null;
    }

    if (isOver(entry)) {
      this.#revoke(certificateSha256);

      return null;
    }

    this.#admitted.add(entry);

    return entry.listener === listener ? entry.tenant : null;
  }

  #revoke(sha256: string): void {
    this.#cache.invalidate(sha256);
    this.#admitted.delete(sha256);

    for (const listener of this.#listeners) {
      listener(sha256);
    }
  }

  #startRecheck(fingerprints: readonly string[]): void {
    for (const sha256 of fingerprints) {
      this.#cache.invalidate(sha256);
      this.#recheck.add(sha256);
    }

    void this.#runRecheck();
  }

  /** Looks whether admitted certificates still open their instances; repeats until the database answers. */
  async #runRecheck(): Promise<void> {
    if (this.#checking || this.#closed) {
      return;
    }

    this.#checking = true;

    try {
      while (this.#recheck.size > 0) {
        await this.#recheckBatch([...this.#recheck].slice(0, RECHECK_BATCH));
      }
    } catch (error) {
      this.#logger.warn({ err: error }, "open connections' certificates could not be checked; trying again");
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        void this.#runRecheck();
      }, this.#retryMs);
    } finally {
      this.#checking = false;
    }
  }

  async #recheckBatch(batch: readonly string[]): Promise<void> {
    const found = new Map((await this.#load(batch)).map((entry) => [entry.tenant.certificateSha256, entry]));

    for (const sha256 of batch) {
      this.#recheck.delete(sha256);

      const [now, before] = [found.get(sha256), this.#admitted.get(sha256)];

      if (now?.tenant.instanceId !== before?.tenant.instanceId || now?.listener !== before?.listener) {
        this.#revoke(sha256);
      }
    }
  }

  /** @param listener the instance whose own listener asks; null for the shared ones */
  #resolve(certificateSha256: string, listener: string | null): Promise<Tenant | null> {
    const known = this.#cache.peek(certificateSha256);

    return known !== undefined &&
      known.listener === listener &&
      this.#admitted.get(certificateSha256) === known &&
      !isOver(known)
      ? known.settled
      : this.#admit(certificateSha256, listener);
  }

  resolve(certificateSha256: string): Promise<Tenant | null> {
    return this.#resolve(certificateSha256, null);
  }

  onRevoked(listener: (certificateSha256: string) => void): () => void {
    this.#listeners.add(listener);

    return () => {
      this.#listeners.delete(listener);
    };
  }

  dedicatedTo(instanceId: string): TenantDirectory {
    return {
      resolve: (certificateSha256) => this.#resolve(certificateSha256, instanceId),
      refusal: (certificateSha256) => this.refusal(certificateSha256),
      onRevoked: (listener) => this.onRevoked(listener),
    };
  }

  describe(tenant: Tenant): KmipEventContext | Promise<KmipEventContext> {
    const known = this.#admitted.get(tenant.certificateSha256);

    return known?.tenant.instanceId === tenant.instanceId ? known.context : this.#readContext(tenant);
  }

  async #readContext(tenant: Tenant): Promise<KmipEventContext> {
    const { rows } = await this.#pool.query<{
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

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#listeners.clear();
    clearInterval(this.#sweeper);

    if (this.#timer) {
      clearTimeout(this.#timer);
    }
  }
}

/**
 * Tenants by client certificate, pinned or a connection test's: loaded at first use, then from memory until an event
 * says otherwise, or their time is over. One that is unknown, or refused for its dates, is looked up every time, so that
 * a new one works at once.
 */
export function createTenantDirectory(options: TenantDirectoryOptions): DatabaseTenantDirectory {
  return new PostgresTenantDirectory(options);
}
