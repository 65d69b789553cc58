/**
 * The ports of the KMIP engine: what it needs from what is around it, and nothing else.
 *
 * The engine knows neither a database nor a key manager nor HTTP. `lib/core` supplies these
 * interfaces; tests supply in-memory ones.
 */

/** What an instance lets its clients do, beyond the specification. */
export type TenantPolicy = {
  /** Create answers an object that is already Active (some vCenter versions never send Activate). */
  readonly activateOnCreate: boolean;
  /** Get still serves a Compromised object, as the specification allows. */
  readonly serveCompromised: boolean;
  /** Objects may have a Name that others have (3.2 wants them unique). Default: false. */
  readonly sharedNames?: boolean;
};

/** A connection test of the console, which connects as a client does: its id, and the only operations that it may ask for. */
type TenantProbe = { readonly id: string; readonly operations: ReadonlySet<number> };

/** Who is asking: a pinned client certificate and the instance that it opens. */
export type Tenant = {
  readonly instanceId: string;
  readonly certificateId: string;
  /** SHA-256 of the certificate's DER, lower-case hexadecimal, no separators. */
  readonly certificateSha256: string;
  readonly policy: TenantPolicy;
  /** The request of which a call is a part: the `requestId` of its audit records. Absent outside of requests. */
  readonly requestId?: string;
  /** Present when no client of the instance but a probe is asking. Every other operation is refused. */
  readonly probe?: TenantProbe;
};

/** Why a pinned certificate is not let in: it is not valid yet, or its instance lets it in no more. */
export type CertificateRefusal = "certificate-not-yet-valid" | "certificate-expired";

/** Finds the tenant of a client certificate. */
export interface TenantDirectory {
  /**
   * The tenant that pinned this certificate, or null when nobody did (or its instance serves nobody now).
   * Called at every message: must answer from memory in the common case.
   */
  resolve(certificateSha256: string): Promise<Tenant | null>;
  /** Why a pinned certificate was not resolved just now, if its dates are why. */
  refusal?(certificateSha256: string): CertificateRefusal | null;
  /**
   * Subscribes to certificates that lost their tenant; the server closes their open connections.
   * Returns the function that ends the subscription.
   */
  onRevoked(listener: (certificateSha256: string) => void): () => void;
}

/**
 * A value of a KMIP attribute in a form that survives JSON: the same item types as TTLV. Date-Times are
 * POSIX seconds; Long Integers, Big Integers and Date-Times Extended (microseconds) are decimal strings; Byte Strings are
 * hexadecimal; enumerations are their numbers.
 */
export type StoredValue =
  | { readonly t: "integer" | "enumeration" | "interval" | "dateTime"; readonly v: number }
  | { readonly t: "longInteger" | "bigInteger" | "dateTimeExtended" | "text" | "bytes"; readonly v: string }
  | { readonly t: "boolean"; readonly v: boolean }
  | { readonly t: "structure"; readonly v: readonly { readonly tag: number; readonly value: StoredValue }[] };

/** One instance of an attribute; `i` is its Attribute Index (KMIP 1.x). */
export type StoredAttribute = { readonly i: number; readonly v: StoredValue };

/**
 * The attributes of an object that are kept, by the specification's name ("Cryptographic Length", "x-Product"; those of
 * vendors in 2.x as "Acme:Product").
 * Unique Identifier, Object Type, State and what can be derived are not in here.
 */
export type StoredAttributes = { readonly [name: string]: readonly StoredAttribute[] };

/** A searchable (name, value) pair; the engine writes and reads the normal form of `value`, the store only compares. */
export type IndexTerm = { readonly name: string; readonly value: string };

/** KMIP metadata of a managed object. It never holds key material. */
export type ManagedObject = {
  readonly uniqueIdentifier: string;
  /** Object Type enumeration (Symmetric Key = 2). */
  readonly objectType: number;
  /** State enumeration as stored (Pre-Active 1 … Destroyed Compromised 6); date-driven transitions are the engine's. */
  readonly state: number;
  readonly attributes: StoredAttributes;
  /** False while an operator of the console blocks the object: then nothing of its material is served. */
  readonly served: boolean;
  /** Grows with every change; the token of optimistic concurrency. */
  readonly revision: number;
  /** Initial Date. */
  readonly createdAt: Date;
};

/** What the engine hands over to have an object kept. */
export type NewManagedObject = Pick<
  ManagedObject,
  "uniqueIdentifier" | "objectType" | "state" | "attributes"
> & {
  readonly terms: readonly IndexTerm[];
  /** Algorithm enumeration, length in bits, usage mask: shown by the console. */
  readonly cryptographicAlgorithm: number | null;
  readonly cryptographicLength: number | null;
  readonly cryptographicUsageMask: number | null;
  /** Initial Date of an object that comes from elsewhere; default: now. */
  readonly createdAt?: Date;
};

/** A change of metadata, applied only if the object still has `revision`. */
export type ManagedObjectChange = {
  readonly revision: number;
  readonly state: number;
  readonly attributes: StoredAttributes;
  readonly terms: readonly IndexTerm[];
  /**
   * True for a mark that matters less than what it goes with (Fresh): where several changes are made together, it is
   * left out if another changed the object first.
   */
  readonly incidental?: boolean;
};

/** A search; every condition must hold. Newest objects first. */
export type ObjectQuery = {
  /** States as stored; leave out for any. */
  readonly states?: readonly number[];
  readonly objectType?: number;
  readonly terms: readonly IndexTerm[];
  /** Bounds of Initial Date, inclusive. */
  readonly createdFrom?: Date;
  readonly createdTo?: Date;
  /**
   * True for a search whose conditions a client has chosen, which may have much to read: it may end as `limit`, and
   * waits for others of the instance, so that nothing else has to wait for it.
   */
  readonly limited?: boolean;
};

/** Why a store could not do what it was asked; the engine maps each to a Result Reason. */
export type KeyStoreFailure =
  /** Another change came first (revision differs): the engine reads again and retries. */
  | "conflict"
  /** The key manager no longer has the standard key: the object is destroyed. */
  | "gone"
  /** The key manager refuses for good (CRK disabled or destroyed, permission withdrawn). */
  | "refused"
  /** The key manager does not answer, or too slowly. */
  | "unavailable"
  /** Another object of the instance, not destroyed, already has a Name of this one (a store may enforce this). */
  | "duplicate"
  /** The instance has an object with this identifier. */
  | "exists"
  /** A search took more work than one may; `message` names the limit and may be told. */
  | "limit";

/** Error of a store. `message` is for the operator's log and never holds key material. */
export class KeyStoreError extends Error {
  readonly failure: KeyStoreFailure;

  constructor(failure: KeyStoreFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "KeyStoreError";
    this.failure = failure;
  }
}

/** What operations do with managed objects and their material. Every method is scoped by the tenant's instance. */
export interface ObjectStore {
  /**
   * Keeps a new object. When it resolves, metadata and wrapped material are durable. The caller keeps
   * ownership of `material` and zeroes it.
   * @throws KeyStoreError exists | refused | unavailable
   */
  create(tenant: Tenant, object: NewManagedObject, material: Uint8Array): Promise<ManagedObject>;
  /**
   * Puts an object and its material in the place of an existing one of the same identifier, whose material is then
   * destroyed. Until it resolves the existing one stays as it is.
   * @throws KeyStoreError conflict | refused | unavailable
   */
  replace(
    tenant: Tenant,
    existing: ManagedObject,
    object: NewManagedObject,
    material: Uint8Array,
  ): Promise<ManagedObject>;
  /** The object, or null if this instance has none of that identifier (another instance's is none). */
  find(tenant: Tenant, uniqueIdentifier: string): Promise<ManagedObject | null>;
  /**
   * The material in plaintext: a fresh copy that the caller zeroes.
   * @throws KeyStoreError gone | refused | unavailable
   */
  readMaterial(tenant: Tenant, object: ManagedObject): Promise<Uint8Array>;
  /** Changes metadata. @throws KeyStoreError conflict */
  update(tenant: Tenant, uniqueIdentifier: string, change: ManagedObjectChange): Promise<ManagedObject>;
  /**
   * Destroys the material for good (the metadata stays, in the state of `change`).
   * @throws KeyStoreError conflict | refused | unavailable
   */
  destroy(tenant: Tenant, uniqueIdentifier: string, change: ManagedObjectChange): Promise<ManagedObject>;
  /** Streams matches, newest first, without holding them all in memory. @throws KeyStoreError limit */
  search(tenant: Tenant, query: ObjectQuery): AsyncIterable<ManagedObject>;
}

/** What a transaction does to an object, be it new or not. */
export type TransactionChange = {
  readonly uniqueIdentifier: string;
  /** Against the revision that the object has outside of the transaction; a new or replaced one, as it was answered. */
  readonly change: ManagedObjectChange;
  /** True if the material is destroyed with it. */
  readonly destroys: boolean;
};

/**
 * Changes of one tenant's objects that happen together or not at all. One that is neither committed nor rolled back,
 * because its process died, never happened.
 */
export interface KeyStoreTransaction {
  /**
   * Keeps the material of a new object, as `ObjectStore.create` does; but until `commit` the object exists for nobody.
   * @throws KeyStoreError exists | refused | unavailable
   */
  create(object: NewManagedObject, material: Uint8Array): Promise<ManagedObject>;
  /**
   * Keeps new material for an existing object, as `ObjectStore.replace` does; but until `commit` the object is the old
   * one for everybody.
   * @throws KeyStoreError refused | unavailable
   */
  replace(existing: ManagedObject, object: NewManagedObject, material: Uint8Array): Promise<ManagedObject>;
  /**
   * Makes the new objects exist and the changes happen; material is destroyed when all the rest is durable.
   * @throws TransactionError conflict | refused | unavailable: then nothing happened, but for what the error names
   */
  commit(changes: readonly TransactionChange[]): Promise<void>;
  /** Gives the transaction up. Never throws: what cannot be removed now is removed later. */
  rollback(): Promise<void>;
}

/** Error of a commit. */
export class TransactionError extends KeyStoreError {
  /** The object that failed it, if it was one. */
  readonly uniqueIdentifier: string | null;
  /** Objects that were changed all the same: what was destroyed already does not come back. */
  readonly lasting: readonly string[];
  /** True if it cannot be told whether the transaction happened. */
  readonly unknown: boolean;

  constructor(
    failure: KeyStoreFailure,
    message: string,
    options: {
      cause?: unknown;
      uniqueIdentifier?: string;
      lasting?: readonly string[];
      unknown?: boolean;
    } = {},
  ) {
    super(failure, message, options);
    this.name = "TransactionError";
    this.uniqueIdentifier = options.uniqueIdentifier ?? null;
    this.lasting = options.lasting ?? [];
    this.unknown = options.unknown ?? false;
  }
}

/** Keeps managed objects and their material. */
export interface KeyStore extends ObjectStore {
  /** Begins a transaction; its owner ends it. */
  begin(tenant: Tenant): KeyStoreTransaction;
}

/** What happened in one operation, for the audit. */
export type KmipAuditRecord = {
  readonly tenant: Tenant;
  /** Operation enumeration; null for a message that could not be parsed. */
  readonly operation: number | null;
  /** Object(s) it was about; empty for Query and the like. */
  readonly uniqueIdentifiers: readonly string[];
  readonly outcome: "success" | "failure";
  /** Result Reason enumeration of a failure. */
  readonly resultReason?: number;
  /** Result Message of a failure, as the client got it. */
  readonly message?: string;
  /** Cause in the operator's words; never sent to the client. */
  readonly detail?: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** "1.1" … as the client spoke. */
  readonly protocolVersion: string;
  /** One id for all items of a batch. */
  readonly requestId: string;
  /** Further facts worth keeping (names of changed attributes, revocation reason …); never attribute values of secret kind. */
  readonly data?: { readonly [key: string]: string | number | boolean | readonly string[] };
  /** True when the answer carries key material. */
  readonly servedMaterial: boolean;
  /** True for an operation that was carried out and then undone with its batch (KMIP 6.13): a failure. */
  readonly undone?: boolean;
};

/** Writes audit records. */
export interface AuditWriter {
  /** Resolves when all records are durable; the answer leaves only then. @throws when they cannot be written. */
  write(records: readonly KmipAuditRecord[]): Promise<void>;
}

/** Time and randomness, replaceable in tests. */
export type EngineClock = { now(): Date };
export type RandomSource = { bytes(length: number): Uint8Array; uuid(): string };

/** The few calls of a structured logger that the server makes (pino fits). */
export interface EngineLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A TLS handshake that came to nothing, for the console's "last failed handshakes". */
export type FailedHandshake = {
  readonly at: Date;
  readonly remoteAddress: string;
  readonly certificateSha256: string | null;
  readonly subject: string | null;
  readonly reason: FailedHandshakeReason;
  readonly detail: string;
};

/** `limit`: the certificate is pinned, but a limit of connections is reached. */
export type FailedHandshakeReason =
  | "no-certificate"
  | "not-pinned"
  | CertificateRefusal
  | "tls-error"
  | "timeout"
  | "closed"
  | "limit";
