/**
 * What may differ between an expected and an actual response: the variations that the KMIP Profiles permit (1.4,
 * "Permitted Test Case Variations"), as a table. Everything else has to be equal.
 */
import { Tag } from "@/lib/kmip/protocol/tags";

/** Values that the server words itself: type and place count, not the value. */
export const FREE_VALUES: ReadonlySet<number> = new Set([
  Tag.ResultMessage,
  Tag.VendorIdentification,
  Tag.ServerCorrelationValue,
  Tag.LeaseTime,
]);

/** Items of any type. */
export const FREE_TYPES: ReadonlySet<number> = new Set([Tag.ResultMessage]);

/** Attributes of 1.x, by name, whose value is the server's. */
export const FREE_ATTRIBUTES: ReadonlySet<string> = new Set(["Lease Time", "Random Number Generator"]);

/** Items that may be there or not. */
export const OPTIONAL_ITEMS: ReadonlySet<number> = new Set([
  Tag.ResultMessage,
  Tag.ClientCorrelationValue,
  Tag.ServerCorrelationValue,
  Tag.ValidationInformation,
  Tag.ExtensionInformation,
  Tag.ServerInformation,
  Tag.ApplicationNamespace,
  // 4.9: a server may count the matches, and may not.
  Tag.LocatedItems,
]);

/** Structures of the server's own making: what is in them is not looked at. */
export const OPAQUE_STRUCTURES: ReadonlySet<number> = new Set([
  Tag.ServerInformation,
  Tag.RandomNumberGenerator,
  Tag.RNGParameters,
  Tag.CapabilityInformation,
  Tag.ValidationInformation,
  Tag.ExtensionInformation,
]);

/**
 * Bytes that differ from run to run where the server made the key: their length counts. A value that the case itself
 * has sent before has to come back as it is.
 */
export const GENERATED_BYTES: ReadonlySet<number> = new Set([
  Tag.KeyMaterial,
  Tag.DigestValue,
  // 2.x: it follows from the identifier that the server gave.
  Tag.ShortUniqueIdentifier,
]);

/**
 * Results of a key that the server made, or with an IV that it chose and answers: lengths count. Of a registered key and
 * the client's IV they are known, and have to be equal.
 */
export const CRYPTOGRAPHIC_RESULTS: ReadonlySet<number> = new Set([
  Tag.Data,
  Tag.MACData,
  Tag.SignatureData,
  Tag.IVCounterNonce,
  Tag.AuthenticatedEncryptionTag,
]);

/** Operations that make keys. */
export const GENERATING_OPERATIONS: ReadonlySet<string> = new Set([
  "Create",
  "CreateKeyPair",
  "ReKey",
  "ReKeyKeyPair",
]);

/** Operations whose output is random by nature: lengths count. */
export const RANDOM_OPERATIONS: ReadonlySet<string> = new Set(["RNGRetrieve"]);

/** Repeated items whose order says nothing; the server may have more of them than the case knows. */
export const UNORDERED_ITEMS: ReadonlySet<number> = new Set([
  Tag.Attribute,
  Tag.AttributeName,
  Tag.AttributeReference,
  Tag.Operation,
  Tag.ObjectType,
  Tag.ApplicationNamespace,
  Tag.ProfileInformation,
  Tag.RNGParameters,
  Tag.ObjectDefaults,
  Tag.ProtectionStorageMask,
]);

/** Items whose order says nothing, but whose number does: what Locate finds. */
export const UNORDERED_EXACT_ITEMS: ReadonlySet<number> = new Set([Tag.UniqueIdentifier]);

/** Structures whose items are attributes (2.x): their order says nothing, and there may be more. */
export const ATTRIBUTE_STRUCTURES: ReadonlySet<number> = new Set([Tag.Attributes]);

/**
 * What Query has to list, for families of cases that are about something else and list all that KMIP has: the
 * operations of the Baseline Server profile. Other families have to find all that they list.
 */
export const QUERY_BASELINE_FAMILIES: ReadonlySet<string> = new Set([
  "BL-M",
  "MSGENC-HTTPS-M",
  "MSGENC-JSON-M",
  "MSGENC-XML-M",
  "SUITEB_128-M",
  "SUITEB_192-M",
]);

export const QUERY_BASELINE: ReadonlySet<string> = new Set([
  "Locate",
  "Check",
  "Get",
  "GetAttributes",
  "GetAttributeList",
  "AddAttribute",
  "ModifyAttribute",
  "DeleteAttribute",
  "Activate",
  "Revoke",
  "Destroy",
  "Query",
  "DiscoverVersions",
]);

/** Operations of test runs, which a server in production does not have (2.1: 6.1.26): refusing them is right. */
export const TEST_OPERATIONS: ReadonlySet<string> = new Set(["Interop"]);

/** Object types that Query need not list: templates are deprecated since 1.3. */
export const QUERY_OPTIONAL_OBJECTS: ReadonlySet<string> = new Set(["Template"]);

/** How far a date may be from what the case says ($NOW and the like), in seconds. */
export const DATE_TOLERANCE_SECONDS = 300n;
