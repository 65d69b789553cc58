import type { Database } from "@/lib/db";
import type { EngineClock, EngineLogger } from "@/lib/kmip/ports";
import type { ChangeEvents } from "../change-events";
import { CoherentCache } from "../coherent-cache";
import { createInstanceRecords, type InstanceRecord, type InstanceRecords } from "./instance-records";
import { MaterialReader, type OpenKeyManager } from "./material-reader";
import { instanceOfKey, keyOf } from "./memory-keys";
import { findRecord, type KekRecord } from "./objects";

export type KekMemoryOptions = {
  readonly pool: Database["pool"];
  readonly events: ChangeEvents;
  readonly logger: EngineLogger;
  readonly clock: EngineClock;
  readonly openKeyManager: OpenKeyManager;
  /** For one call of the key manager, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxObjects: number;
  readonly maxMaterials: number;
  /** How often plaintext that may no longer be used is zeroed, in milliseconds. */
  readonly sweepEveryMs: number;
  /** Told of a change of an instance's settings or status, before it is read anew. */
  readonly onInstanceChanged?: ((instanceId: string) => void) | undefined;
};

/**
 * What an endpoint remembers of instances, of KEKs and of their material, kept in step with what other processes tell.
 */
export class KekMemory {
  readonly instances: InstanceRecords;
  readonly objects: CoherentCache<KekRecord>;
  readonly materials: MaterialReader;
  readonly #options: KekMemoryOptions;
  readonly #unsubscribe: () => void;
  readonly #sweep: NodeJS.Timeout;
  /** TTL and grace as last used, for the sweep. */
  readonly #secondsOf = new Map<string, number>();
  /** Latest version of an instance's root key that an unwrap told of. */
  readonly #rotations = new Map<string, string>();

  constructor(options: KekMemoryOptions) {
    const { pool, events } = options;

    this.#options = options;
    this.instances = createInstanceRecords({ pool, events });
    this.objects = new CoherentCache({
      max: options.maxObjects,
      trusted: events.trusted,
      groupOf: instanceOfKey,
    });
    this.materials = new MaterialReader({
      openKeyManager: options.openKeyManager,
      clock: options.clock,
      logger: options.logger,
      timeoutMs: options.timeoutMs,
      maxKeys: options.maxMaterials,
      onRetired: (instance, crkId, latest) => this.#noteRotation(instance, crkId, latest),
    });
    this.#unsubscribe = this.#follow(events);
    this.#sweep = setInterval(
      () => this.materials.sweep((instanceId) => this.#secondsOf.get(instanceId) ?? 0),
      options.sweepEveryMs,
    );
    this.#sweep.unref();
  }

  #follow(events: ChangeEvents): () => void {
    return events.subscribe({
      onEvent: (event) => {
        const { instanceId } = event;

        if (event.type === "kek.changed") {
          this.objects.invalidate(keyOf(instanceId, event.uniqueIdentifier));
          void this.#dropUnusable(instanceId, event.uniqueIdentifier);
        } else if (event.type === "instance.changed") {
          this.objects.invalidateGroup(instanceId);
          this.materials.doubtInstance(instanceId);
          this.#options.onInstanceChanged?.(instanceId);
          void this.#followPolicy(instanceId);
        } else if (event.type === "instance.removed") {
          this.objects.invalidateGroup(instanceId);
          this.materials.dropInstance(instanceId);
          this.#secondsOf.delete(instanceId);
          this.#rotations.delete(instanceId);
        }
      },
      // Material stays: its use is decided by metadata, which is read anew, and by its own short life.
      onGap: () => this.objects.clear(),
    });
  }

  /** The worker looks at the root key now instead of at its next round; told once for each version. */
  #noteRotation({ id, crkId }: InstanceRecord, seen: string, latest: string): void {
    if (seen !== crkId || this.#rotations.get(id) === latest) {
      return;
    }

    this.#rotations.set(id, latest);
    this.#options.pool
      .query(
        `UPDATE instance SET rewrap_due_at = now()
         WHERE id = $1 AND crk_id = $2 AND crk_version IS DISTINCT FROM $3 AND rewrap_due_at > now()`,
        [id, seen, latest],
      )
      .catch((error: unknown) => {
        this.#rotations.delete(id);
        this.#options.logger.warn({ err: error, instanceId: id }, "rotation of a root key not noted");
      });
  }

  /** Says which instance is used, so that the sweep knows how long its material may stay. */
  use({ id, cacheTtlSeconds, outageGraceSeconds }: InstanceRecord): void {
    this.#secondsOf.set(id, cacheTtlSeconds + outageGraceSeconds);
  }

  /** Material is not kept longer than a changed policy allows. */
  async #followPolicy(instanceId: string): Promise<void> {
    if (!this.#secondsOf.has(instanceId)) {
      return;
    }

    try {
      const instance = await this.instances.find(instanceId);

      if (instance) {
        this.use(instance);

        return;
      }
    } catch (error) {
      this.#options.logger.warn(
        { err: error, instanceId },
        "changed instance not read; its plaintext is dropped",
      );
    }

    this.#secondsOf.delete(instanceId);
    this.materials.dropInstance(instanceId);
  }

  /** The metadata of a KEK. */
  find(instanceId: string, uniqueIdentifier: string): Promise<KekRecord | null> {
    return this.objects.get(keyOf(instanceId, uniqueIdentifier), () =>
      findRecord(this.#options.pool, instanceId, uniqueIdentifier),
    );
  }

  /** Forgets the metadata of a KEK. */
  forgetRow(instanceId: string, uniqueIdentifier: string): void {
    this.objects.invalidate(keyOf(instanceId, uniqueIdentifier));
  }

  /** Forgets the metadata of a KEK and zeroes its material. */
  forget(instanceId: string, uniqueIdentifier: string): void {
    this.forgetRow(instanceId, uniqueIdentifier);
    this.materials.drop(instanceId, uniqueIdentifier);
  }

  /**
   * A changed attribute is no reason to ask the key manager again; a block or a destruction is one to zero the
   * plaintext now. (Whether it is served is decided by the metadata at every Get.)
   */
  async #dropUnusable(instanceId: string, uniqueIdentifier: string): Promise<void> {
    if (!this.materials.holds(instanceId, uniqueIdentifier)) {
      return;
    }

    try {
      const record = await this.find(instanceId, uniqueIdentifier);

      if (record?.storage === "stored" && record.served) {
        return;
      }
    } catch (error) {
      this.#options.logger.warn(
        { err: error, instanceId, uniqueIdentifier },
        "changed KEK not read; its plaintext is dropped",
      );
    }

    this.materials.drop(instanceId, uniqueIdentifier);
  }

  /** Zeroes all plaintext and ends the subscriptions. */
  close(): void {
    clearInterval(this.#sweep);
    this.#unsubscribe();
    this.instances.close();
    this.objects.clear();
    this.materials.clear();
  }
}
