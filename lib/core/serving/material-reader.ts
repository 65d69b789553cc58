import { randomUUID } from "node:crypto";
import type { CallContext, KeyManager, StandardKey } from "@/lib/key-managers/key-manager";
import { KeyManagerError } from "@/lib/key-managers/key-manager";
import type { EngineClock, EngineLogger } from "@/lib/kmip/ports";
import { Groups } from "../groups";
import { correlated } from "./correlated";
import { failureOf, GONE, isDefinite, toKeyStoreError } from "./failures";
import type { InstanceRecord } from "./instance-records";
import { MaterialCache, type MaterialSource } from "./material-cache";
import { instanceOfKey, keyOf } from "./memory-keys";
import type { KekRecord } from "./objects";

/** The parts of an opened key manager that serving uses. */
export type OpenKeyManager = (instance: InstanceRecord) => {
  readonly keyManager: KeyManager;
  readonly crkId: string;
  readonly keyRing: string | null;
};

export type MaterialReaderOptions = {
  readonly openKeyManager: OpenKeyManager;
  readonly clock: EngineClock;
  readonly logger: EngineLogger;
  /** Keys whose material may be remembered at once. */
  readonly maxKeys: number;
  /** For one call of the key manager, in milliseconds. */
  readonly timeoutMs: number;
  /** Told when the key manager says that the root key has a later version than the one that wrapped a KEK. */
  readonly onRetired?: (instance: InstanceRecord, crkId: string, latest: string) => void;
};

/** The standard key of a KEK is not where its row says. */
export class StandardKeyGone extends Error {
  /** True when the key manager remembers the key and its deletion; false when it knows no such key. */
  readonly deleted: boolean;

  constructor(deleted: boolean, cause: unknown) {
    super("The key manager no longer has the standard key.", { cause });
    this.name = "StandardKeyGone";
    this.deleted = deleted;
  }
}

/** What is to be read, for whom. */
type Reading = {
  /** Of the memories. */
  readonly key: string;
  readonly instance: InstanceRecord;
  readonly record: KekRecord;
  readonly source: MaterialSource;
  readonly correlationId: string | undefined;
};

const isSame = (one: MaterialSource, other: MaterialSource): boolean =>
  one.keyManagerKeyId === other.keyManagerKeyId && one.crkId === other.crkId;

type Flight = {
  readonly source: MaterialSource;
  promise: Promise<Uint8Array>;
  /** Those who still have to copy the result. */
  waiters: number;
  /** Set when what is being fetched may no longer be remembered. */
  stale: boolean;
};

/** Additional authenticated data of every wrap: binds wrapped bytes to their instance and identifier. */
export function wrapAad(instanceId: string, uniqueIdentifier: string): readonly string[] {
  return [instanceId, uniqueIdentifier];
}

/** A call's context. */
export function callContext(timeoutMs: number, correlationId: string = randomUUID()): CallContext {
  return { correlationId, timeoutMs };
}

function assertUsable(key: StandardKey): void {
  if (key.state === "destroyed") {
    throw new KeyManagerError("deleted", "The standard key is destroyed.");
  }

  // Deactivated (expired) still decrypts, as in KMIP; suspended is a stop, pre-active is not ready.
  if (key.state === "suspended" || key.state === "preActive") {
    throw new KeyManagerError("keyState", `The standard key is ${key.state}.`);
  }
}

/** The standard key of a KEK, if its state lets it be used. @throws StandardKeyGone; KeyManagerError */
export async function readStandardKey(
  keyManager: Pick<KeyManager, "getStandardKey">,
  id: string,
  context: CallContext,
): Promise<StandardKey> {
  try {
    const standardKey = await keyManager.getStandardKey(id, context);

    assertUsable(standardKey);

    return standardKey;
  } catch (error) {
    const failure = failureOf(error);

    throw failure !== null && GONE.has(failure) ? new StandardKeyGone(failure === "deleted", error) : error;
  }
}

/**
 * "No such key" may also mean "not the key manager it was": then its root key is not there either, and this throws.
 * @throws KeyManagerError
 */
export async function confirmGone(
  keyManager: KeyManager,
  crkId: string,
  gone: StandardKeyGone,
  context: CallContext,
): Promise<void> {
  if (!gone.deleted) {
    await keyManager.getRootKey(crkId, context);
  }
}

/**
 * Reads KEKs in plaintext: the standard key from the key manager, unwrapped under its CRK; each key once for all
 * who ask at the same time, and remembered as long as the instance's policy says (ADR 0005).
 */
export class MaterialReader {
  readonly #options: MaterialReaderOptions;
  readonly #cache: MaterialCache;
  readonly #flights = new Map<string, Flight>();
  /** Keys of the flights by instance. */
  readonly #flying = new Groups();

  constructor(options: MaterialReaderOptions) {
    this.#options = options;
    this.#cache = new MaterialCache(options.maxKeys, instanceOfKey);
  }

  /**
   * @param correlationId of the request that asks; calls of the key manager carry the one of whoever asked first
   * @returns a fresh copy, which the caller zeroes
   * @throws StandardKeyGone; KeyStoreError refused | unavailable
   */
  async read(
    instance: InstanceRecord,
    record: KekRecord,
    keyManagerKeyId: string,
    correlationId?: string,
  ): Promise<Uint8Array> {
    const key = keyOf(record.instanceId, record.uniqueIdentifier);
    const source = { keyManagerKeyId, crkId: record.crkId };
    const remembered = this.remembered(instance, record, keyManagerKeyId);

    if (remembered) {
      return remembered;
    }

    const under = this.#flights.get(key);

    // Material that was replaced meanwhile is neither for this reader nor to be remembered.
    if (under && !isSame(under.source, source)) {
      this.#drop(key);
    }

    const flight = this.#flights.get(key) ?? this.#start({ key, instance, record, source, correlationId });

    flight.waiters += 1;

    let shared: Uint8Array | undefined;

    try {
      shared = await flight.promise;

      return Uint8Array.from(shared);
    } finally {
      flight.waiters -= 1;

      if (flight.waiters === 0) {
        shared?.fill(0);
      }
    }
  }

  /** A fresh copy of what policy allows to be served from memory, which the caller zeroes; null when there is none. */
  remembered(instance: InstanceRecord, record: KekRecord, keyManagerKeyId: string): Uint8Array | null {
    return this.#cache.copy(
      keyOf(record.instanceId, record.uniqueIdentifier),
      { keyManagerKeyId, crkId: record.crkId },
      this.#now(),
      instance.cacheTtlSeconds * 1_000,
    );
  }

  #now(): number {
    return this.#options.clock.now().getTime();
  }

  #start(reading: Reading): Flight {
    const { key, record, source } = reading;
    const flight: Flight = { source, waiters: 0, stale: false, promise: Promise.resolve(new Uint8Array()) };

    flight.promise = this.#run(flight, reading);
    this.#flights.set(key, flight);
    this.#flying.add(record.instanceId, key);

    return flight;
  }

  async #run(flight: Flight, reading: Reading): Promise<Uint8Array> {
    const { key, instance, source } = reading;

    try {
      const { plaintext, wrapped } = await this.#fetch(reading);

      if (!flight.stale) {
        const remembers = instance.cacheTtlSeconds + instance.outageGraceSeconds > 0;

        this.#cache.keep(key, { ...source, wrapped, fetchedAt: this.#now() }, remembers ? plaintext : null);
      }

      return plaintext;
    } catch (error) {
      return this.#bridge(reading, error);
    } finally {
      this.#land(key, flight);
    }
  }

  /** After a failure: a definite one drops what is remembered, an outage may be bridged with it. */
  #bridge({ key, instance, source }: Reading, error: unknown): Uint8Array {
    if (error instanceof StandardKeyGone || isDefinite(error)) {
      this.#cache.drop(key);
      throw error instanceof StandardKeyGone ? error : toKeyStoreError(error, "read of the KEK");
    }

    const maxAge = (instance.cacheTtlSeconds + instance.outageGraceSeconds) * 1_000;
    const bridged =
      instance.outageGraceSeconds > 0 ? this.#cache.bridge(key, source, this.#now(), maxAge) : null;

    if (!bridged) {
      throw toKeyStoreError(error, "read of the KEK");
    }

    this.#options.logger.warn(
      { err: error, instanceId: instance.id },
      "key manager out of reach; served from memory within the instance's outage grace",
    );

    return bridged;
  }

  async #fetch({
    key,
    instance,
    record,
    source,
    correlationId,
  }: Reading): Promise<{ plaintext: Uint8Array; wrapped: Buffer }> {
    const keyManager = correlated(this.#options.openKeyManager(instance).keyManager, correlationId);
    const aad = wrapAad(record.instanceId, record.uniqueIdentifier);
    const unwrap = async (wrapped: Uint8Array) => {
      const answer = await keyManager.unwrap(source.crkId, wrapped, aad, this.#context());

      if (answer.rewrapped?.crkVersion) {
        this.#options.onRetired?.(instance, source.crkId, answer.rewrapped.crkVersion);
      }

      return answer.plaintext;
    };
    const known = this.#cache.describe(key);
    const expected = known?.keyManagerKeyId === source.keyManagerKeyId ? known.wrapped : null;

    // Where the wrapped bytes are known from before, both calls run at once; the read still has the last word.
    const [read, early] = await Promise.allSettled([
      readStandardKey(keyManager, source.keyManagerKeyId, this.#context()),
      expected ? unwrap(expected) : Promise.resolve(null),
    ]);

    if (read.status === "rejected") {
      if (early.status === "fulfilled") {
        early.value?.fill(0);
      }

      throw read.reason;
    }

    const wrapped = Buffer.from(read.value.payload);

    if (expected && wrapped.equals(expected)) {
      if (early.status === "rejected") {
        throw early.reason;
      }

      if (early.value) {
        return { plaintext: early.value, wrapped };
      }
    }

    if (early.status === "fulfilled") {
      early.value?.fill(0);
    }

    return { plaintext: await unwrap(wrapped), wrapped };
  }

  #context(): CallContext {
    return callContext(this.#options.timeoutMs);
  }

  /** True when something of a KEK is remembered or being fetched. */
  holds(instanceId: string, uniqueIdentifier: string): boolean {
    const key = keyOf(instanceId, uniqueIdentifier);

    return this.#flights.has(key) || this.#cache.describe(key) !== null;
  }

  /** Forgets a KEK, and what is being fetched of it. */
  drop(instanceId: string, uniqueIdentifier: string): void {
    this.#drop(keyOf(instanceId, uniqueIdentifier));
  }

  #drop(key: string): void {
    this.#abandon(key);
    this.#cache.drop(key);
  }

  /** Forgets all KEKs of an instance. */
  dropInstance(instanceId: string): void {
    this.#abandonFlights(instanceId);
    this.#cache.dropGroup(instanceId);
  }

  /**
   * Has the key manager asked again before any KEK of an instance is used. What is remembered stays for an outage: a
   * failed permission check tells of one, too, and must not take the keys that the instance's grace is to bridge it
   * with.
   */
  doubtInstance(instanceId: string): void {
    this.#abandonFlights(instanceId);
    this.#cache.doubtGroup(instanceId);
  }

  /** What is being fetched was begun before a change: those who wait get it, and nobody after them. */
  #abandonFlights(instanceId: string): void {
    for (const key of this.#flying.keysOf(instanceId)) {
      this.#abandon(key);
    }
  }

  #abandon(key: string): void {
    const flight = this.#flights.get(key);

    if (flight) {
      flight.stale = true;
      this.#land(key, flight);
    }
  }

  #land(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) {
      this.#flights.delete(key);
      this.#flying.delete(instanceOfKey(key), key);
    }
  }

  /** Zeroes what no policy allows to be used any more. @param secondsOf TTL and grace of an instance, by id */
  sweep(secondsOf: (instanceId: string) => number): void {
    this.#cache.sweep(this.#now(), (key) => secondsOf(instanceOfKey(key)) * 1_000);
  }

  /** Forgets everything. */
  clear(): void {
    for (const key of [...this.#flights.keys()]) {
      this.#drop(key);
    }

    this.#cache.clear();
  }

  get plaintexts(): number {
    return this.#cache.plaintexts;
  }
}
