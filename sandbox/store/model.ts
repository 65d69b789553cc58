import { z } from "zod";

/**
 * What the sandbox keeps. Every record passes these schemas when it is read back, so that a file of another
 * version is refused at start and not half understood later.
 *
 * Secrets appear in two forms only: `sealed` (AES-256-GCM under the sandbox's master key, see vault.ts) and
 * `sha256` (of an API key, which has 264 random bits and so needs no slow hash).
 */
const id = z.string().min(1);
const date = z.iso.datetime();
const sealed = z.string().min(1);

const account = z.object({ id, name: z.string(), resourceGroupId: id, createdAt: date });

const resourceInstance = z.object({
  guid: id,
  /** Segment of the CRN that names the service: `kms` (Key Protect) or `hs-crypto` (HPCS). */
  serviceName: z.enum(["kms", "hs-crypto"]),
  name: z.string(),
  region: id,
  accountId: id,
  resourceGroupId: id,
  resourceId: id,
  resourcePlanId: id,
  createdAt: date,
  createdBy: id,
});

const serviceId = z.object({
  id,
  iamId: id,
  accountId: id,
  name: z.string(),
  description: z.string(),
  createdAt: date,
});

const apiKey = z.object({
  id,
  iamId: id,
  accountId: id,
  name: z.string(),
  description: z.string(),
  sha256: id,
  disabled: z.boolean(),
  locked: z.boolean(),
  expiresAt: date.optional(),
  createdAt: date,
});

const policyAttribute = z.object({
  key: z.string(),
  operator: z.enum(["stringEquals", "stringExists", "stringMatch", "stringEqualsAnyOf", "stringMatchAnyOf"]),
  value: z.union([z.string(), z.boolean(), z.array(z.string())]),
});

const policy = z.object({
  id,
  type: z.enum(["access", "authorization"]),
  description: z.string(),
  accountId: id,
  subject: z.array(policyAttribute),
  /** Role CRNs. */
  roles: z.array(z.string()),
  resource: z.array(policyAttribute),
  state: z.enum(["active", "deleted"]),
  createdAt: date,
  createdBy: id,
  modifiedAt: date,
});

const signingKey = z.object({ kid: id, createdAt: date, privateJwk: sealed });

const seed = z.object({ version: z.literal(1), seededAt: date, rootKeyIds: z.array(id) });

const keyVersion = z.object({ id, createdAt: date, material: sealed });

const key = z.object({
  id,
  instanceId: id,
  name: z.string(),
  description: z.string().optional(),
  tags: z.array(z.string()),
  aliases: z.array(z.object({ alias: z.string(), createdAt: date, createdBy: id })),
  /** true: standard key (its payload is the material of its one version); false: root key. */
  extractable: z.boolean(),
  imported: z.boolean(),
  /** 0 pre-active, 1 active, 2 suspended, 3 deactivated, 5 destroyed. */
  state: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(5)]),
  keyRingId: id,
  bitLength: z.number().int(),
  expiresAt: date.optional(),
  createdAt: date,
  createdBy: id,
  updatedAt: date,
  rotatedAt: date.optional(),
  disabledAt: date.optional(),
  syncedAt: date.optional(),
  deletedAt: date.optional(),
  deletedBy: id.optional(),
  /** Oldest first; the last one wraps. */
  versions: z.array(keyVersion).min(1),
  dualAuthDelete: z.object({
    enabled: z.boolean(),
    setBy: id.optional(),
    setAt: date.optional(),
  }),
  rotation: z.object({ enabled: z.boolean(), intervalMonths: z.number().int() }).optional(),
  policyDates: z
    .record(z.string(), z.object({ id, createdAt: date, createdBy: id, updatedAt: date, updatedBy: id }))
    .optional(),
});

const keyRing = z.object({ id, instanceId: id, createdAt: date, createdBy: id });

const instancePolicy = z.object({
  instanceId: id,
  type: id,
  enabled: z.boolean(),
  attributes: z.record(z.string(), z.unknown()).optional(),
  createdAt: date,
  createdBy: id,
  updatedAt: date,
  updatedBy: id,
});

const registration = z.object({
  instanceId: id,
  keyId: id,
  resourceCrn: id,
  description: z.string(),
  preventKeyDeletion: z.boolean(),
  createdAt: date,
  createdBy: id,
});

const accessGroup = z.object({
  id,
  accountId: id,
  name: z.string(),
  description: z.string(),
  /** IAM identifiers of those who are in it. */
  members: z.array(id),
  createdAt: date,
  createdBy: id,
});

const customRole = z.object({
  id,
  accountId: id,
  /** Last segment of the role's CRN. */
  name: id,
  displayName: z.string(),
  serviceName: z.enum(["kms", "hs-crypto"]),
  /** With the service's prefix: `kms.secrets.wrap`. */
  actions: z.array(z.string()).min(1),
  createdAt: date,
  createdBy: id,
});

/** Key Protect's own KMIP endpoint: an adapter is a namespace of objects under one root key. */
const kmipAdapter = z.object({
  id,
  instanceId: id,
  name: z.string(),
  description: z.string(),
  crkId: id,
  createdAt: date,
  createdBy: id,
});

const kmipCertificate = z.object({
  id,
  instanceId: id,
  adapterId: id,
  name: z.string(),
  pem: z.string(),
  /** SHA-256 of the DER, hexadecimal. */
  fingerprint: z.string(),
  createdAt: date,
  createdBy: id,
});

/** One an instance: the key pair under which root keys are imported. */
const importToken = z.object({
  id,
  instanceId: id,
  /** PKCS #8, DER. */
  privateKey: sealed,
  publicKeyPem: z.string(),
  nonce: z.string(),
  expiration: z.number().int(),
  maxAllowedRetrievals: z.number().int(),
  remainingRetrievals: z.number().int(),
  createdAt: date,
  expiresAt: date,
});

/** Schema of each kind of record. */
export const recordSchemas = {
  account,
  "resource-instance": resourceInstance,
  "service-id": serviceId,
  "api-key": apiKey,
  policy,
  "signing-key": signingKey,
  seed,
  key,
  "key-ring": keyRing,
  "instance-policy": instancePolicy,
  registration,
  "import-token": importToken,
  "access-group": accessGroup,
  "custom-role": customRole,
  "kmip-adapter": kmipAdapter,
  "kmip-certificate": kmipCertificate,
} as const;

export type RecordKind = keyof typeof recordSchemas;
export type RecordOf<K extends RecordKind> = z.infer<(typeof recordSchemas)[K]>;

export type AccountRecord = RecordOf<"account">;
export type ResourceInstanceRecord = RecordOf<"resource-instance">;
export type ServiceIdRecord = RecordOf<"service-id">;
export type ApiKeyRecord = RecordOf<"api-key">;
export type PolicyRecord = RecordOf<"policy">;
export type PolicyAttribute = PolicyRecord["resource"][number];
export type SigningKeyRecord = RecordOf<"signing-key">;
export type KeyRecord = RecordOf<"key">;
export type KeyVersionRecord = KeyRecord["versions"][number];
export type KeyRingRecord = RecordOf<"key-ring">;
export type InstancePolicyRecord = RecordOf<"instance-policy">;
export type RegistrationRecord = RecordOf<"registration">;
export type AccessGroupRecord = RecordOf<"access-group">;
export type CustomRoleRecord = RecordOf<"custom-role">;
export type KmipAdapterRecord = RecordOf<"kmip-adapter">;
export type KmipCertificateRecord = RecordOf<"kmip-certificate">;
export type ImportTokenRecord = RecordOf<"import-token">;

/** Identifier of a record that belongs to a key manager instance and is unique only within it. */
export function scopedId(instanceId: string, ...parts: string[]): string {
  return [instanceId, ...parts].join("/");
}

const recordKinds = new Set<string>(Object.keys(recordSchemas));

/** Whether text read from a file names a kind of record. */
export function isRecordKind(text: string): text is RecordKind {
  return recordKinds.has(text);
}
