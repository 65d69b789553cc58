/**
 * Who may have how much of the endpoint: connections, messages and memory, by certificate and by instance, over all
 * listeners of the process. Thousands of hosts share a certificate, so that the bounds are wide; they are there for
 * the client that has gone mad, and for the neighbours of the one that has.
 */
import type { Tenant } from "../ports";
import { FairTurns } from "./round-robin";
import { Pace } from "./token-bucket";

export type TrafficLimits = {
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

export const DEFAULT_TRAFFIC_LIMITS: TrafficLimits = {
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

/** A connection that has a place. */
export interface Guest {
  /** True while nothing is asked or answered: it may be ended without loss. */
  isIdle(): boolean;
  /** Ends the connection in good order. */
  end(): void;
}

/** Messages that may begin in one turn of the event loop: a few milliseconds of work. */
const MESSAGES_PER_TURN = 64;
/** A connection that holds less is never the one that is ended for its instance's memory. */
const HARMLESS_BYTES = 16_384;

class Group {
  readonly pace: Pace;
  readonly guests = new Set<Guest>();
  heldBytes = 0;

  constructor(messagesPerSecond: number) {
    this.pace = new Pace(messagesPerSecond);
  }

  isForgettable(now: number): boolean {
    return this.guests.size === 0 && this.heldBytes === 0 && this.pace.isFree(now);
  }
}

export class Traffic {
  readonly #limits: TrafficLimits;
  readonly #instances = new Map<string, Group>();
  readonly #certificates = new Map<string, Group>();
  readonly #turns = new FairTurns(MESSAGES_PER_TURN);
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

  constructor(limits: Partial<TrafficLimits> = {}) {
    this.#limits = { ...DEFAULT_TRAFFIC_LIMITS, ...limits };
  }

  /** Connections with a place. */
  get connections(): number {
    return this.#connections;
  }

  /** How often each limit was hit since the start. */
  get limitsHit(): LimitCounts {
    return { ...this.#counts };
  }

  /** Notes that a limit was hit that somebody else keeps. */
  hit(limit: LimitName): void {
    this.#counts[limit] += 1;
  }

  /** Gives a connection a place, or says which limit keeps it out. */
  admit(tenant: Tenant, guest: Guest): Place | LimitName {
    const instance = this.#instance(tenant.instanceId);
    const certificate = this.#certificate(tenant.certificateSha256);
    const refusal = this.#judge(instance, certificate);
    if (refusal !== null) {
      this.hit(refusal);
      return refusal;
    }
    this.#connections += 1;
    instance.guests.add(guest);
    certificate.guests.add(guest);
    return new Place(this, tenant, instance, certificate, () => {
      this.#connections -= 1;
      instance.guests.delete(guest);
      certificate.guests.delete(guest);
    });
  }

  #judge(instance: Group, certificate: Group): LimitName | null {
    const { maxConnections, maxConnectionsPerInstance, maxConnectionsPerCertificate } = this.#limits;
    if (certificate.guests.size >= maxConnectionsPerCertificate) {
      return "connections-per-certificate";
    }
    if (instance.guests.size >= maxConnectionsPerInstance) {
      return "connections-per-instance";
    }
    if (this.#connections >= maxConnections && !this.#makeRoom(instance)) {
      return "connections";
    }
    return null;
  }

  /** With the house full, who has most gives up its oldest idle connection to an instance that has fewer. */
  #makeRoom(forInstance: Group): boolean {
    let largest = forInstance;
    for (const group of this.#instances.values()) {
      if (group.guests.size > largest.guests.size) {
        largest = group;
      }
    }
    if (largest.guests.size <= forInstance.guests.size + 1) {
      return false;
    }
    for (const guest of largest.guests) {
      if (!guest.isIdle()) {
        continue;
      }
      this.hit("connections");
      guest.end();
      return true;
    }
    return false;
  }

  /**
   * Whether a message may begin now (null), or a promise of when: true for go on, false for end the connection.
   * Only who is over its rate, or behind many others in this turn of the event loop, gets a promise.
   */
  enter(tenant: Tenant, instance: Group, certificate: Group): Promise<boolean> | null {
    const now = performance.now();
    const delay = Math.max(instance.pace.reserve(now), certificate.pace.reserve(now));
    if (delay === 0 && this.#turns.take()) {
      return null;
    }
    if (delay > this.#limits.maxDelayMs) {
      instance.pace.giveBack();
      certificate.pace.giveBack();
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
    if (instance.heldBytes <= this.#limits.maxHeldBytesPerInstance || ownBytes < HARMLESS_BYTES) {
      return true;
    }
    this.hit("held-bytes");
    return false;
  }

  /** Forgets who has left. */
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
    return groupOf(this.#instances, id, this.#limits.messagesPerSecondPerInstance);
  }

  #certificate(sha256: string): Group {
    return groupOf(this.#certificates, sha256, this.#limits.messagesPerSecondPerCertificate);
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

/** What one connection has of the endpoint. */
export class Place {
  readonly #traffic: Traffic;
  readonly #certificate: Group;
  readonly #giveUp: () => void;
  #tenant: Tenant;
  #instance: Group;
  #heldBytes = 0;
  #left = false;

  constructor(traffic: Traffic, tenant: Tenant, instance: Group, certificate: Group, giveUp: () => void) {
    this.#traffic = traffic;
    this.#tenant = tenant;
    this.#instance = instance;
    this.#certificate = certificate;
    this.#giveUp = giveUp;
  }

  /** Asks for the beginning of a message, as `Traffic.enter`. */
  enter(tenant: Tenant): Promise<boolean> | null {
    if (tenant !== this.#tenant) {
      this.#follow(tenant);
    }
    return this.#traffic.enter(tenant, this.#instance, this.#certificate);
  }

  /** Counts memory that is held for the connection, or with a negative number is no longer. False: end it. */
  hold(bytes: number): boolean {
    if (this.#left) {
      return true;
    }
    this.#heldBytes += bytes;
    this.#instance.heldBytes += bytes;
    return bytes <= 0 || this.#traffic.mayHold(this.#instance, this.#heldBytes);
  }

  leave(): void {
    if (this.#left) {
      return;
    }
    this.#left = true;
    this.#instance.heldBytes -= this.#heldBytes;
    this.#heldBytes = 0;
    this.#giveUp();
  }

  /** The certificate may open another instance than when it came. */
  #follow(tenant: Tenant): void {
    const instance = this.#traffic.instanceOf(tenant);
    if (instance !== this.#instance) {
      this.#instance.heldBytes -= this.#heldBytes;
      instance.heldBytes += this.#heldBytes;
      this.#instance = instance;
    }
    this.#tenant = tenant;
  }
}
