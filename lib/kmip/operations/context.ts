/** What operations work with, and within which bounds. */

import type { EngineLogger, ObjectStore, RandomSource, Tenant } from "../ports";
import type { ReadContext } from "../protocol/fields";
import type { KmipVersion } from "../protocol/versions";
import type { OutstandingLimits, OutstandingOperations } from "./cryptography/outstanding";

/** What Query tells about the server (KMIP 1.4, 4.25). */
export type ServerIdentity = {
  /** Vendor Identification. */
  readonly vendorIdentification: string;
  /** True where KMIP over HTTPS is on, beside TTLV over TLS. */
  readonly overHttps?: boolean;
};

/** Bounds of what one message may ask for. */
export type EngineLimits = OutstandingLimits & {
  /** Batch items in one message. */
  readonly maxBatchItems: number;
  /** Nesting of TTLV structures. */
  readonly maxDepth: number;
  /** TTLV items in one message. */
  readonly maxItems: number;
  /** Attribute instances that an object may have in all. */
  readonly maxAttributeInstances: number;
  /** Size of all attributes of an object as JSON, in characters. */
  readonly maxAttributeBytes: number;
  /** Bytes of the material of one object: what the key manager can wrap. */
  readonly maxMaterialBytes: number;
  /** Bytes that one RNG Retrieve answers at most. */
  readonly maxRandomBytes: number;
  /** Identifiers that one Locate answers at most when the client sets no Maximum Items. */
  readonly maxLocatedItems: number;
};

/** An operation, as Query tells of it. */
export type SupportedOperation = {
  /** Operation enumeration. */
  readonly code: number;
  /** The first version that has it. */
  readonly since: KmipVersion;
  /** True if it is answered in earlier versions as well, though Query does not tell of it there. */
  readonly early?: true;
};

/** What a handler works with: who asks, in which version, when, and the ports. */
export type OperationContext = ReadContext & {
  readonly tenant: Tenant;
  readonly now: Date;
  readonly store: ObjectStore;
  readonly outstanding: OutstandingOperations;
  readonly random: RandomSource;
  readonly logger: EngineLogger;
  readonly limits: EngineLimits;
  readonly identity: ServerIdentity;
  /** True in a batch that may be undone (6.13): then nothing but `store` may change. */
  readonly undoable: boolean;
  /** The operations that there are, by code: what Query answers. */
  readonly operations: ReadonlyMap<number, SupportedOperation>;
  /** The ID Placeholder of the batch (section 4). */
  idPlaceholder: string | null;
  /** The objects that the operation is about, for the audit even when it fails. */
  subjects: string[];
};
