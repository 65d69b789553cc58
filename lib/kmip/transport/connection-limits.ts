/**
 * Who may have how much of the endpoint: connections, messages and memory, by certificate and by instance, over all
 * listeners of the process. Thousands of hosts share a certificate, so that the bounds are wide; they hold off a
 * client out of control, and protect the other instances from it.
 */
import type { Tenant } from "../ports";
import { RoundRobin } from "./round-robin";
import { TokenBucket } from "./token-bucket";

export type ConnectionLimitSettings = {
  /** Admitted connections of the process. */
  readonly maxConnections: number;
  readonly maxConnectionsPerInstance: number;
  readonly maxConnectionsPerCertificate: number;
  /** Messages a second, with two seconds' worth at once; 0 for as many as come. What is beyond waits. */
  readonly messagesPerSecondPerInstance: number;
  readonly messagesPerSecondPerCertificate: number;
  /** A connection whose message would have to wait longer is ended. */
  readonly maxDelayMs: number;
  /** Bytes of unfinished messages and untaken answers of an instance's connections. */
  readonly maxHeldBytesPerInstance: number;
};

export const DEFAULT_CONNECTION_LIMITS: ConnectionLimitSettings = {
  maxConnections: 40_000,
  // Twice the 10,000 hosts of the largest instance: a host that reconnects leaves a dead connection behind at times.
  maxConnectionsPerInstance: 20_000,
  maxConnectionsPerCertificate: 20_000,
  // Twice a second for each of them.
  messagesPerSecondPerInstance: 40_000,
  messagesPerSecondPerCertificate: 20_000,
  maxDelayMs: 30_000,
  maxHeldBytesPerInstance: 268_435_456,
};

/** Which limit was hit. */
export type LimitName =
  | "connections"
  | "connections-per-instance"
  | "connections-per-certificate"
  | "messages-delayed"
  | "messages-refused"
  | "held-bytes"
  | "handshakes"
  | "pipelined";

export type LimitCounts = { readonly [K in LimitName]: number };

/** What may be done to a connection that has a slot. */
export interface ConnectionHandle {
  /** True while nothing is asked or answered: it may be ended without loss. */
  isIdle(): boolean;
  /** Ends the connection in good order. */
  end(): void;
  /** Ends the connection at once. */
  destroy(): void;
}

/** Messages that may begin in one turn of the event loop: a few milliseconds of work. */
const MESSAGES_PER_TURN = 64;
/** A connection that holds less is never the one that is ended for its instance's memory. */
const HARMLESS_BYTES = 16_384;

/** What a certificate, or an instance, has of the endpoint. */
class Group {
  readonly bucket: TokenBucket;
  readonly connections = new Set<ConnectionHandle>();
  heldBytes = 0;

  constructor(messagesPerSecond: number) {
    this.bucket = new TokenBucket(messagesPerSecond);
  }

  isForgettable(now: number): boolean {
    return this.connections.size === 0 && this.heldBytes === 0 && this.bucket.isFull(now);
  }
}

/** Keeps the limits of a process; its listeners share one. */
export class ConnectionLimits {
  readonly #settings: ConnectionLimitSettings;
  readonly #instances = new Map<string, Group>();
  readonly #certificates = new Map<string, Group>();
  readonly #turns = new RoundRobin(MESSAGES_PER_TURN);
  readonly #counts: { [K in LimitName]: number } = {
    connections: 0,
    "connections-per-instance": 0,
    "connections-per-certificate": 0,
    "messages-delayed": 0,
    "messages-refused": 0,
    "held-bytes": 0,
    handshakes: 0,
    pipelined: 0,
  };
  #connections = 0;

  constructor(settings: Partial<ConnectionLimitSettings> = {}) {
    this.#settings = { ...DEFAULT_CONNECTION_LIMITS, ...settings };
  }

  /** Connections with a slot. */
  get connections(): number {
    return this.#connections;
  }

  /** How often each limit was hit since the start. */
  get limitsHit(): LimitCounts {
    return { ...this.#counts };
  }

  /** Notes that a limit was hit that is kept elsewhere. */
  hit(limit: LimitName): void {
    this.#counts[limit] += 1;
  }

  /** Gives a connection a slot, or says which limit keeps it out. */
  admit(tenant: Tenant, handle: ConnectionHandle): ConnectionSlot | LimitName {
    const instance = this.#instance(tenant.instanceId);
    const certificate = this.#certificate(tenant.certificateSha256);
    const refusal = this.#judge(instance, certificate);
    if (refusal !== null) {
      this.hit(refusal);
      return refusal;
    }
    this.#connections += 1;
    instance.connections.add(handle);
    certificate.connections.add(handle);
    const onReleased = () => {
      this.#connections -= 1;
      instance.connections.delete(handle);
      certificate.connections.delete(handle);
    };
    return new ConnectionSlot(this, { tenant, instance, certificate, onReleased });
  }

  #judge(instance: Group, certificate: Group): LimitName | null {
    const { maxConnections, maxConnectionsPerInstance, maxConnectionsPerCertificate } = this.#settings;
    if (certificate.connections.size >= maxConnectionsPerCertificate) {
      return "connections-per-certificate";
    }
    if (instance.connections.size >= maxConnectionsPerInstance) {
      return "connections-per-instance";
    }
    if (this.#connections >= maxConnections && !this.#evictFor(instance)) {
      return "connections";
    }
    return null;
  }

  /** At the limit of the process, the instance with most gives up its oldest idle connection to one that has fewer. */
  #evictFor(forInstance: Group): boolean {
    let largest = forInstance;
    for (const group of this.#instances.values()) {
      if (group.connections.size > largest.connections.size) {
        largest = group;
      }
    }
    if (largest.connections.size <= forInstance.connections.size + 1) {
      return false;
    }
    for (const handle of largest.connections) {
      if (!handle.isIdle()) {
        continue;
      }
      this.hit("connections");
      handle.end();
      return true;
    }
    return false;
  }

  /**
   * Whether a message may begin now (null), or a promise of when: true for go on, false for end the connection.
   * Only who is over its rate, or behind many others in this turn of the event loop, gets a promise.
   */
  beginMessage(tenant: Tenant, instance: Group, certificate: Group): Promise<boolean> | null {
    const now = performance.now();
    const delay = Math.max(instance.bucket.reserve(now), certificate.bucket.reserve(now));
    if (delay === 0 && this.#turns.take()) {
      return null;
    }
    if (delay > this.#settings.maxDelayMs) {
      instance.bucket.refund();
      certificate.bucket.refund();
      this.hit("messages-refused");
      return Promise.resolve(false);
    }
    if (delay > 0) {
      this.hit("messages-delayed");
    }
    return new Promise((resolve) => {
      const queue = () => this.#turns.queue(tenant.instanceId, () => resolve(true));
      if (delay > 0) {
        setTimeout(queue, delay).unref();
      } else {
        queue();
      }
    });
  }

  /** The instance that a tenant counts for. */
  instanceOf(tenant: Tenant): Group {
    return this.#instance(tenant.instanceId);
  }

  /** True while an instance may hold more memory, or the asker holds next to none of it. */
  mayHold(instance: Group, ownBytes: number): boolean {
    if (instance.heldBytes <= this.#settings.maxHeldBytesPerInstance || ownBytes < HARMLESS_BYTES) {
      return true;
    }
    this.hit("held-bytes");
    return false;
  }

  /** Forgets instances and certificates that have nothing here any more. */
  sweep(now: number): void {
    for (const groups of [this.#instances, this.#certificates]) {
      for (const [key, group] of groups) {
        if (group.isForgettable(now)) {
          groups.delete(key);
        }
      }
    }
  }

  /** Instances and certificates that are remembered. */
  get remembered(): number {
    return this.#instances.size + this.#certificates.size;
  }

  #instance(id: string): Group {
    return groupOf(this.#instances, id, this.#settings.messagesPerSecondPerInstance);
  }

  #certificate(sha256: string): Group {
    return groupOf(this.#certificates, sha256, this.#settings.messagesPerSecondPerCertificate);
  }
}

function groupOf(groups: Map<string, Group>, key: string, messagesPerSecond: number): Group {
  const known = groups.get(key);
  if (known !== undefined) {
    return known;
  }
  const group = new Group(messagesPerSecond);
  groups.set(key, group);
  return group;
}

type SlotOptions = {
  readonly tenant: Tenant;
  readonly instance: Group;
  readonly certificate: Group;
  readonly onReleased: () => void;
};

/** What one connection has of the endpoint. */
export class ConnectionSlot {
  readonly #limits: ConnectionLimits;
  readonly #certificate: Group;
  readonly #onReleased: () => void;
  #tenant: Tenant;
  #instance: Group;
  #heldBytes = 0;
  #released = false;

  constructor(limits: ConnectionLimits, { tenant, instance, certificate, onReleased }: SlotOptions) {
    this.#limits = limits;
    this.#tenant = tenant;
    this.#instance = instance;
    this.#certificate = certificate;
    this.#onReleased = onReleased;
  }

  /** Asks whether a message may begin, as `ConnectionLimits.beginMessage`. */
  beginMessage(tenant: Tenant): Promise<boolean> | null {
    if (tenant !== this.#tenant) {
      this.#follow(tenant);
    }
    return this.#limits.beginMessage(tenant, this.#instance, this.#certificate);
  }

  /** Counts memory that is held for the connection, or with a negative number is no longer. False: end it. */
  hold(bytes: number): boolean {
    if (this.#released) {
      return true;
    }
    this.#heldBytes += bytes;
    this.#instance.heldBytes += bytes;
    return bytes <= 0 || this.#limits.mayHold(this.#instance, this.#heldBytes);
  }

  /** Gives back all that the connection has. */
  release(): void {
    if (this.#released) {
      return;
    }
    this.#released = true;
    this.#instance.heldBytes -= this.#heldBytes;
    this.#heldBytes = 0;
    this.#onReleased();
  }

  /** The certificate may open another instance than when it came. */
  #follow(tenant: Tenant): void {
    const instance = this.#limits.instanceOf(tenant);
    if (instance !== this.#instance) {
      this.#instance.heldBytes -= this.#heldBytes;
      instance.heldBytes += this.#heldBytes;
      this.#instance = instance;
    }
    this.#tenant = tenant;
  }
}
