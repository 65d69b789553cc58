import type { Database } from "@/lib/db";
import { destruction } from "@/lib/kmip/attributes/lifecycle";
import {
  type EngineClock,
  type EngineLogger,
  KeyStoreError,
  type ManagedObject,
  type Tenant,
} from "@/lib/kmip/ports";
import { applyUpdate } from "./change-object";
import { toKeyStoreError } from "./failures";
import type { InstanceRecord } from "./instance-records";
import type { KekMemory } from "./kek-memory";
import { callContext, confirmGone, type OpenKeyManager, StandardKeyGone } from "./material-reader";
import { keyOf } from "./memory-keys";
import { findRecord, type KekRecord } from "./objects";

/** Told of a KEK whose standard key somebody deleted in the key manager. */
export type GoneListener = (gone: {
  readonly accountId: string;
  readonly instanceId: string;
  readonly uniqueIdentifier: string;
  readonly keyManagerKeyId: string;
}) => Promise<void>;

export type MaterialServiceOptions = {
  readonly pool: Database["pool"];
  readonly memory: KekMemory;
  readonly logger: EngineLogger;
  readonly clock: EngineClock;
  readonly openKeyManager: OpenKeyManager;
  readonly timeoutMs: number;
  /** The tenant's instance. @throws KeyStoreError refused */
  readonly instanceOf: (tenant: Tenant) => Promise<InstanceRecord>;
  readonly onGone: GoneListener | undefined;
};

/** How often material may move to another standard key while it is read. */
const ATTEMPTS = 3;

type Servable = KekRecord & { readonly keyManagerKeyId: string };

/** The last gate before a key leaves; `requireServable` has the words for each reason. */
const isServable = (record: KekRecord): record is Servable =>
  record.storage === "stored" && record.keyManagerKeyId !== null && record.served;

/** @throws KeyStoreError gone | refused */
function requireServable(record: KekRecord | null): Servable {
  if (record?.storage !== "stored" || record.keyManagerKeyId === null) {
    throw new KeyStoreError("gone", "The KEK is destroyed.");
  }

  if (!isServable(record)) {
    throw new KeyStoreError("refused", "The KEK is blocked in the console.");
  }

  return record;
}

/** True if an object was read before its material was replaced: what was judged of it is not true of the new one. */
function isReplaced(object: ManagedObject & Partial<KekRecord>, record: KekRecord): boolean {
  const { keyManagerKeyId = record.keyManagerKeyId } = object;

  return keyManagerKeyId !== record.keyManagerKeyId && object.revision !== record.revision;
}

const replacedMeanwhile = () =>
  new KeyStoreError("conflict", "The object was replaced by others at the same time.");

/** Gives KEKs in plaintext to those who may have them. */
export class MaterialService {
  readonly #options: MaterialServiceOptions;
  readonly #memory: KekMemory;

  constructor(options: MaterialServiceOptions) {
    this.#options = options;
    this.#memory = options.memory;
  }

  /**
   * A fresh copy, which the caller zeroes.
   * @throws KeyStoreError gone | refused | conflict | unavailable
   */
  read(tenant: Tenant, object: ManagedObject): Promise<Uint8Array> {
    const material = this.#remembered(tenant, object);

    return material ? Promise.resolve(material) : this.#readAnew(tenant, object);
  }

  /** What can be served from memory: the common case, without a step of waiting. Otherwise null. */
  #remembered(tenant: Tenant, object: ManagedObject): Uint8Array | null {
    const { instances, objects, materials } = this.#memory;
    const instance = instances.peek(tenant.instanceId);
    const record = objects.peek(keyOf(tenant.instanceId, object.uniqueIdentifier));

    return instance && record && isServable(record) && !isReplaced(object, record)
      ? materials.remembered(instance, record, record.keyManagerKeyId)
      : null;
  }

  async #readAnew(tenant: Tenant, object: ManagedObject): Promise<Uint8Array> {
    const instance = await this.#options.instanceOf(tenant);
    let record = await this.#memory.find(tenant.instanceId, object.uniqueIdentifier);

    for (let attempt = 1; ; attempt += 1) {
      // The engine has looked already; this is the last gate before a key leaves.
      const servable = requireServable(record);

      if (isReplaced(object, servable)) {
        // What is remembered of it may be what was there before.
        this.#memory.forgetRow(servable.instanceId, servable.uniqueIdentifier);
        throw replacedMeanwhile();
      }

      try {
        const { materials } = this.#memory;
        const material = await materials.read(instance, servable, servable.keyManagerKeyId, tenant.requestId);

        return await this.#stillServable(servable, material);
      } catch (error) {
        if (!(error instanceof StandardKeyGone)) {
          throw error;
        }

        record = await this.#movedTo(instance, servable, error, attempt);
      }
    }
  }

  /**
   * Where the material is whose standard key is gone: another process may have moved it (rewrap) a moment ago.
   * @throws KeyStoreError gone, after the KEK was marked destroyed, when somebody deleted it
   */
  async #movedTo(
    instance: InstanceRecord,
    record: KekRecord,
    gone: StandardKeyGone,
    attempt: number,
  ): Promise<KekRecord> {
    const { instanceId, uniqueIdentifier } = record;
    const fresh = await findRecord(this.#options.pool, instanceId, uniqueIdentifier);

    if (fresh?.storage === "stored" && fresh.keyManagerKeyId !== record.keyManagerKeyId) {
      this.#memory.forget(instanceId, uniqueIdentifier);

      if (attempt >= ATTEMPTS) {
        throw new KeyStoreError("conflict", "The KEK's material moves again and again.");
      }

      return fresh;
    }

    await this.#requireGone(instance, record, gone);

    if (fresh) {
      await this.#markGone(instance, fresh);
    }

    throw new KeyStoreError("gone", "The standard key was deleted in the key manager.", { cause: gone });
  }

  /** The key manager may have taken its time: what was blocked or replaced meanwhile does not leave. */
  async #stillServable(before: KekRecord, material: Uint8Array): Promise<Uint8Array> {
    try {
      const record = await this.#memory.find(before.instanceId, before.uniqueIdentifier);

      if (isReplaced(before, requireServable(record))) {
        throw replacedMeanwhile();
      }

      return material;
    } catch (error) {
      material.fill(0);
      throw error;
    }
  }

  async #requireGone(instance: InstanceRecord, record: KekRecord, gone: StandardKeyGone): Promise<void> {
    const { openKeyManager, timeoutMs } = this.#options;

    try {
      await confirmGone(openKeyManager(instance).keyManager, record.crkId, gone, callContext(timeoutMs));
    } catch (error) {
      throw toKeyStoreError(error, "neither standard key nor CRK found in the key manager");
    }
  }

  async #markGone({ accountId }: InstanceRecord, record: KekRecord): Promise<void> {
    const { pool, clock, logger, onGone } = this.#options;
    const { instanceId, uniqueIdentifier } = record;
    const now = clock.now();
    const done = await applyUpdate(pool, {
      instanceId,
      uniqueIdentifier,
      ...destruction(record, now),
      from: ["stored"],
      to: "destroyed",
      changedAt: now,
    });

    this.#memory.forget(instanceId, uniqueIdentifier);

    if (!done) {
      return;
    }

    logger.warn(
      { instanceId, uniqueIdentifier },
      "standard key deleted in the key manager; the KEK is destroyed",
    );
    await onGone?.({
      accountId,
      instanceId,
      uniqueIdentifier,
      keyManagerKeyId: record.keyManagerKeyId ?? "",
    });
  }
}
