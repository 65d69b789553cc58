/**
 * Cryptographic operations of which not all parts have come (KMIP 2.1.15): bounded in number, bytes and time, and
 * each for the certificate alone that began it.
 */

import type { EngineClock, RandomSource, StoredValue, Tenant } from "../../ports";
import { invalidCorrelationValue, limitExceeded } from "../../protocol/errors";
import type { CryptoStream } from "./crypto-stream";

/** An operation that goes on. */
export type Outstanding = {
  /** Operation enumeration. */
  readonly operation: number;
  /** The key's Unique Identifier; null without a key. */
  readonly identifier: string | null;
  readonly stream: CryptoStream;
  /** What its first part said, and later parts may repeat. */
  readonly parameters: StoredValue | undefined;
  readonly iv: Uint8Array | null;
  /** MAC Data to verify, if it has come. */
  readonly macData: Uint8Array | null;
};

export type OutstandingLimits = {
  /** In all. */
  readonly maxOutstanding: number;
  /** Of one client certificate. */
  readonly maxOutstandingOfClient: number;
  /** Bytes that the operations of one client certificate keep until their end, and that all do. */
  readonly maxOutstandingBytesOfClient: number;
  readonly maxOutstandingBytes: number;
  /** From one part to the next. */
  readonly outstandingSeconds: number;
};

type Entry = Outstanding & { readonly owner: string; readonly until: number };

/** Bytes that cannot be guessed. */
const CORRELATION_BYTES = 16;

const keyOf = (correlationValue: Uint8Array): string => Buffer.from(correlationValue).toString("hex");
const ownerOf = (tenant: Tenant): string => `${tenant.instanceId}/${tenant.certificateSha256}`;

/** Keeps operations between their parts; what waits too long is ended. */
export class OutstandingOperations {
  readonly #clock: EngineClock;
  readonly #limits: OutstandingLimits;
  /** By Correlation Value, the one that will expire first at the front. */
  readonly #entries = new Map<string, Entry>();
  #timer: NodeJS.Timeout | null = null;

  constructor(clock: EngineClock, limits: OutstandingLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Operations that are outstanding. */
  get size(): number {
    return this.#entries.size;
  }

  /** Refuses one more operation of a client that has too many. @throws KmipError */
  admit(tenant: Tenant): void {
    this.#sweep();
    const owner = ownerOf(tenant);
    let own = 0;
    for (const entry of this.#entries.values()) {
      if (entry.owner === owner) {
        own += 1;
      }
    }
    const { maxOutstanding, maxOutstandingOfClient } = this.#limits;
    if (own >= maxOutstandingOfClient || this.#entries.size >= maxOutstanding) {
      throw limitExceeded("Too many operations in parts are outstanding");
    }
  }

  /** Keeps a new operation. @returns its Correlation Value @throws KmipError; then the operation has ended */
  begin(tenant: Tenant, operation: Outstanding, random: RandomSource): Uint8Array {
    const correlationValue = random.bytes(CORRELATION_BYTES);
    this.keep(tenant, correlationValue, operation);
    return correlationValue;
  }

  /**
   * Takes an operation out, so that nobody else goes on with it; it is kept again, or has ended.
   *
   * @throws KmipError Item Not Found, also for another's operation and for one that is being gone on with
   */
  take(tenant: Tenant, correlationValue: Uint8Array, operation: number): Outstanding {
    this.#sweep();
    const key = keyOf(correlationValue);
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.owner !== ownerOf(tenant) || entry.operation !== operation) {
      throw invalidCorrelationValue("There is no outstanding operation with this Correlation Value");
    }
    this.#entries.delete(key);
    return entry;
  }

  /** Keeps an operation until its next part. @throws KmipError if that is too much; then it has ended */
  keep(tenant: Tenant, correlationValue: Uint8Array, operation: Outstanding): void {
    const { maxOutstandingBytesOfClient, maxOutstandingBytes, outstandingSeconds } = this.#limits;
    const owner = ownerOf(tenant);
    let own = operation.stream.held;
    let all = own;
    for (const entry of this.#entries.values()) {
      all += entry.stream.held;
      if (entry.owner === owner) {
        own += entry.stream.held;
      }
    }
    if (own > maxOutstandingBytesOfClient || all > maxOutstandingBytes) {
      operation.stream.drop();
      throw limitExceeded("Operations in parts keep too much data");
    }
    const until = this.#clock.now().getTime() + outstandingSeconds * 1000;
    this.#entries.set(keyOf(correlationValue), { ...operation, owner, until });
    this.#timer ??= setTimeout(() => this.#tick(), outstandingSeconds * 1000).unref();
  }

  /** Ends an operation, if it is there. */
  drop(correlationValue: Uint8Array): void {
    const key = keyOf(correlationValue);
    this.#entries.get(key)?.stream.drop();
    this.#entries.delete(key);
  }

  #tick(): void {
    this.#timer = null;
    this.#sweep();
    if (this.#entries.size === 0) {
      return;
    }
    this.#timer = setTimeout(() => this.#tick(), this.#limits.outstandingSeconds * 1000).unref();
  }

  /** Ends what has waited too long. */
  #sweep(): void {
    const now = this.#clock.now().getTime();
    for (const [key, entry] of this.#entries) {
      if (entry.until > now) {
        return;
      }
      entry.stream.drop();
      this.#entries.delete(key);
    }
  }
}
