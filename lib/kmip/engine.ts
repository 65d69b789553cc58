/**
 * The KMIP engine: the bytes of a request message in, the bytes of its response message out.
 */
import type { AuditWriter, EngineClock, EngineLogger, KeyStore, RandomSource, Tenant } from "./ports";

/** What Query tells about the server (KMIP 1.4, 4.25). */
export type ServerIdentity = {
  /** Vendor Identification. */
  readonly vendorIdentification: string;
};

/** Bounds of what one message may ask for. */
export type EngineLimits = {
  /** Batch items in one message. */
  readonly maxBatchItems: number;
  /** Nesting of TTLV structures. */
  readonly maxDepth: number;
  /** TTLV items in one message. */
  readonly maxItems: number;
  /** Attribute instances that an object may have in all. */
  readonly maxAttributeInstances: number;
  /** Identifiers that one Locate answers at most when the client sets no Maximum Items. */
  readonly maxLocatedItems: number;
};

export type KmipEngineOptions = {
  readonly store: KeyStore;
  readonly audit: AuditWriter;
  readonly logger: EngineLogger;
  /** Default: the system's clock. */
  readonly clock?: EngineClock;
  /** Default: node:crypto. */
  readonly random?: RandomSource;
  readonly identity?: ServerIdentity;
  readonly limits?: Partial<EngineLimits>;
};

/** Who sent a message, from where. */
export type RequestOrigin = {
  readonly tenant: Tenant;
  readonly remoteAddress: string;
  readonly remotePort: number;
};

/** A response message, ready for the wire. */
export type EngineResponse = {
  readonly bytes: Uint8Array;
  /** Zeroes `bytes` if they carry key material. Call it once the transport has taken them. */
  release(): void;
};

/** The engine. It holds no state between messages and may be shared by any number of connections. */
export interface KmipEngine {
  /**
   * Answers one request message. It never rejects: whatever goes wrong becomes a response message. When it
   * resolves, the audit records of the message are durable.
   *
   * @param message one complete TTLV-encoded Request Message
   */
  handle(message: Uint8Array, origin: RequestOrigin): Promise<EngineResponse>;
}

export function createKmipEngine(_options: KmipEngineOptions): KmipEngine {
  throw new Error("The engine is being assembled.");
}
