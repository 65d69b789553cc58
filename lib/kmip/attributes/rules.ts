/**
 * The attributes of the specification and their rules (KMIP 1.4, section 3; 2.1, section 4), as far as they apply to
 * symmetric keys, secret data and opaque objects.
 */
import { ObjectType } from "../protocol/enumerations";
import { Tag } from "../protocol/tags";
import { isSecondMajor, type KmipVersion, SUPPORTED_VERSIONS, KmipVersion as V } from "../protocol/versions";
import { ItemType } from "../ttlv/item";

/** What an attribute may be changed in: always, never, or by the life cycle of the object. */
export type ClientMay =
  | "always"
  | "never"
  /** Only in Pre-Active (3.24). */
  | "pre-active"
  /** Only in Pre-Active or Active (3.27). */
  | "until-deactivated"
  /** Only in Pre-Active or Active, and before the date it holds (3.25, 3.26). */
  | "until-reached"
  /** Until something has been allocated of Usage Limits (3.21). */
  | "until-used";

/** One field of a structured attribute. */
export type AttributeField = {
  readonly tag: number;
  readonly type: ItemType;
  readonly required?: true;
  readonly since?: KmipVersion;
};

export type AttributeRule = {
  /** Canonical name, the one in Attribute Name. */
  readonly name: string;
  /** Tag of the attribute as a field of its own, in KMIP 2.x and in Attribute References. */
  readonly tag: number;
  readonly type: ItemType;
  /** Of a structure, in order. */
  readonly fields?: readonly AttributeField[];
  readonly since: KmipVersion;
  readonly until?: KmipVersion;
  readonly multiple?: true;
  /**
   * May a client give the first value: with an object that the server makes ("create"), with one that the client supplies
   * or later ("register"), or with both and later ("add")? Default: the server alone.
   */
  readonly client?: "create" | "register" | "add";
  readonly modify: ClientMay;
  readonly remove: ClientMay;
  /**
   * The part of the value that is kept as a search term: the value itself, or this field of a structure.
   * Without it, Locate compares the attribute of every candidate.
   */
  readonly term?: "value" | number;
};

const { Structure, Integer, LongInteger, Enumeration, Boolean: Bool, TextString, ByteString } = ItemType;
const { DateTime, Interval } = ItemType;

const required = (tag: number, type: ItemType, since?: KmipVersion): AttributeField => ({
  tag,
  type,
  required: true,
  ...(since === undefined ? {} : { since }),
});
const field = (tag: number, type: ItemType, since?: KmipVersion): AttributeField => ({
  tag,
  type,
  ...(since === undefined ? {} : { since }),
});

/** Table 65 */
export const CRYPTOGRAPHIC_PARAMETERS: readonly AttributeField[] = [
  field(Tag.BlockCipherMode, Enumeration),
  field(Tag.PaddingMethod, Enumeration),
  field(Tag.HashingAlgorithm, Enumeration),
  field(Tag.KeyRoleType, Enumeration),
  field(Tag.DigitalSignatureAlgorithm, Enumeration, V.V1_2),
  field(Tag.CryptographicAlgorithm, Enumeration, V.V1_2),
  field(Tag.RandomIV, Bool, V.V1_2),
  field(Tag.IVLength, Integer, V.V1_2),
  field(Tag.TagLength, Integer, V.V1_2),
  field(Tag.FixedFieldLength, Integer, V.V1_2),
  field(Tag.InvocationFieldLength, Integer, V.V1_2),
  field(Tag.CounterLength, Integer, V.V1_2),
  field(Tag.InitialCounterValue, Integer, V.V1_2),
  field(Tag.SaltLength, Integer, V.V1_4),
  field(Tag.MaskGenerator, Enumeration, V.V1_4),
  field(Tag.MaskGeneratorHashingAlgorithm, Enumeration, V.V1_4),
  field(Tag.PSource, ByteString, V.V1_4),
  field(Tag.TrailerField, Integer, V.V1_4),
];

/** Table 39 */
const RNG_PARAMETERS: readonly AttributeField[] = [
  required(Tag.RNGAlgorithm, Enumeration),
  field(Tag.CryptographicAlgorithm, Enumeration),
  field(Tag.CryptographicLength, Integer),
  field(Tag.HashingAlgorithm, Enumeration),
  field(Tag.DRBGAlgorithm, Enumeration),
  field(Tag.RecommendedCurve, Enumeration),
  field(Tag.FIPS186Variation, Enumeration),
  field(Tag.PredictionResistance, Bool),
];

const SERVER_ONLY = { modify: "never", remove: "never" } as const;
const CLIENT_FREE = { client: "add", modify: "always", remove: "always" } as const;

/** In the order of section 3, which is the order in which they are answered. */
export const ATTRIBUTE_RULES: readonly AttributeRule[] = [
  { name: "Unique Identifier", tag: Tag.UniqueIdentifier, type: TextString, since: V.V1_0, ...SERVER_ONLY },
  {
    name: "Name",
    tag: Tag.Name,
    type: Structure,
    fields: [required(Tag.NameValue, TextString), required(Tag.NameType, Enumeration)],
    since: V.V1_0,
    multiple: true,
    ...CLIENT_FREE,
    term: Tag.NameValue,
  },
  { name: "Object Type", tag: Tag.ObjectType, type: Enumeration, since: V.V1_0, ...SERVER_ONLY },
  {
    name: "Cryptographic Algorithm",
    tag: Tag.CryptographicAlgorithm,
    type: Enumeration,
    since: V.V1_0,
    client: "create",
    ...SERVER_ONLY,
  },
  {
    name: "Cryptographic Length",
    tag: Tag.CryptographicLength,
    type: Integer,
    since: V.V1_0,
    client: "create",
    ...SERVER_ONLY,
  },
  {
    name: "Cryptographic Parameters",
    tag: Tag.CryptographicParameters,
    type: Structure,
    fields: CRYPTOGRAPHIC_PARAMETERS,
    since: V.V1_0,
    multiple: true,
    ...CLIENT_FREE,
  },
  {
    name: "Digest",
    tag: Tag.Digest,
    type: Structure,
    fields: [
      required(Tag.HashingAlgorithm, Enumeration),
      field(Tag.DigestValue, ByteString),
      field(Tag.KeyFormatType, Enumeration, V.V1_1),
    ],
    since: V.V1_0,
    multiple: true,
    ...SERVER_ONLY,
  },
  {
    // What clients name their policy is kept and answered; there are no policies here that it could have an effect by.
    name: "Operation Policy Name",
    tag: Tag.OperationPolicyName,
    type: TextString,
    since: V.V1_0,
    until: V.V1_4,
    ...CLIENT_FREE,
  },
  {
    name: "Cryptographic Usage Mask",
    tag: Tag.CryptographicUsageMask,
    type: Integer,
    since: V.V1_0,
    client: "create",
    ...SERVER_ONLY,
  },
  { name: "Lease Time", tag: Tag.LeaseTime, type: Interval, since: V.V1_0, ...SERVER_ONLY },
  {
    name: "Usage Limits",
    tag: Tag.UsageLimits,
    type: Structure,
    fields: [
      required(Tag.UsageLimitsTotal, LongInteger),
      field(Tag.UsageLimitsCount, LongInteger),
      required(Tag.UsageLimitsUnit, Enumeration),
    ],
    since: V.V1_0,
    client: "add",
    modify: "until-used",
    remove: "until-used",
  },
  { name: "State", tag: Tag.State, type: Enumeration, since: V.V1_0, ...SERVER_ONLY },
  { name: "Initial Date", tag: Tag.InitialDate, type: DateTime, since: V.V1_0, ...SERVER_ONLY },
  {
    name: "Activation Date",
    tag: Tag.ActivationDate,
    type: DateTime,
    since: V.V1_0,
    client: "add",
    modify: "pre-active",
    remove: "never",
  },
  {
    name: "Process Start Date",
    tag: Tag.ProcessStartDate,
    type: DateTime,
    since: V.V1_0,
    client: "add",
    modify: "until-reached",
    remove: "never",
  },
  {
    name: "Protect Stop Date",
    tag: Tag.ProtectStopDate,
    type: DateTime,
    since: V.V1_0,
    client: "add",
    modify: "until-reached",
    remove: "never",
  },
  {
    name: "Deactivation Date",
    tag: Tag.DeactivationDate,
    type: DateTime,
    since: V.V1_0,
    client: "add",
    modify: "until-deactivated",
    remove: "never",
  },
  { name: "Destroy Date", tag: Tag.DestroyDate, type: DateTime, since: V.V1_0, ...SERVER_ONLY },
  {
    name: "Compromise Occurrence Date",
    tag: Tag.CompromiseOccurrenceDate,
    type: DateTime,
    since: V.V1_0,
    ...SERVER_ONLY,
  },
  { name: "Compromise Date", tag: Tag.CompromiseDate, type: DateTime, since: V.V1_0, ...SERVER_ONLY },
  {
    name: "Revocation Reason",
    tag: Tag.RevocationReason,
    type: Structure,
    fields: [required(Tag.RevocationReasonCode, Enumeration), field(Tag.RevocationMessage, TextString)],
    since: V.V1_0,
    ...SERVER_ONLY,
  },
  { name: "Archive Date", tag: Tag.ArchiveDate, type: DateTime, since: V.V1_0, ...SERVER_ONLY },
  {
    name: "Object Group",
    tag: Tag.ObjectGroup,
    type: TextString,
    since: V.V1_0,
    multiple: true,
    ...CLIENT_FREE,
    term: "value",
  },
  { name: "Fresh", tag: Tag.Fresh, type: Bool, since: V.V1_1, client: "create", ...SERVER_ONLY },
  {
    name: "Link",
    tag: Tag.Link,
    type: Structure,
    fields: [required(Tag.LinkType, Enumeration), required(Tag.LinkedObjectIdentifier, TextString)],
    since: V.V1_0,
    multiple: true,
    ...CLIENT_FREE,
    term: Tag.LinkedObjectIdentifier,
  },
  {
    name: "Application Specific Information",
    tag: Tag.ApplicationSpecificInformation,
    type: Structure,
    fields: [required(Tag.ApplicationNamespace, TextString), field(Tag.ApplicationData, TextString)],
    since: V.V1_0,
    multiple: true,
    ...CLIENT_FREE,
    term: Tag.ApplicationData,
  },
  {
    name: "Contact Information",
    tag: Tag.ContactInformation,
    type: TextString,
    since: V.V1_0,
    ...CLIENT_FREE,
    term: "value",
  },
  { name: "Last Change Date", tag: Tag.LastChangeDate, type: DateTime, since: V.V1_0, ...SERVER_ONLY },
  {
    name: "Alternative Name",
    tag: Tag.AlternativeName,
    type: Structure,
    fields: [required(Tag.AlternativeNameValue, TextString), required(Tag.AlternativeNameType, Enumeration)],
    since: V.V1_2,
    multiple: true,
    ...CLIENT_FREE,
    term: Tag.AlternativeNameValue,
  },
  { name: "Key Value Present", tag: Tag.KeyValuePresent, type: Bool, since: V.V1_2, ...SERVER_ONLY },
  {
    name: "Key Value Location",
    tag: Tag.KeyValueLocation,
    type: Structure,
    fields: [
      required(Tag.KeyValueLocationValue, TextString),
      required(Tag.KeyValueLocationType, Enumeration),
    ],
    since: V.V1_2,
    multiple: true,
    ...CLIENT_FREE,
  },
  {
    name: "Original Creation Date",
    tag: Tag.OriginalCreationDate,
    type: DateTime,
    since: V.V1_2,
    client: "register",
    ...SERVER_ONLY,
  },
  {
    name: "Random Number Generator",
    tag: Tag.RandomNumberGenerator,
    type: Structure,
    fields: RNG_PARAMETERS,
    since: V.V1_3,
    client: "register",
    ...SERVER_ONLY,
  },
  {
    name: "PKCS#12 Friendly Name",
    tag: Tag.PKCS_12FriendlyName,
    type: TextString,
    since: V.V1_4,
    ...CLIENT_FREE,
  },
  {
    name: "Description",
    tag: Tag.Description,
    type: TextString,
    since: V.V1_4,
    ...CLIENT_FREE,
    term: "value",
  },
  { name: "Comment", tag: Tag.Comment, type: TextString, since: V.V1_4, ...CLIENT_FREE },
  {
    name: "Sensitive",
    tag: Tag.Sensitive,
    type: Bool,
    since: V.V1_4,
    client: "create",
    modify: "always",
    remove: "never",
  },
  { name: "Always Sensitive", tag: Tag.AlwaysSensitive, type: Bool, since: V.V1_4, ...SERVER_ONLY },
  {
    name: "Extractable",
    tag: Tag.Extractable,
    type: Bool,
    since: V.V1_4,
    client: "create",
    modify: "always",
    remove: "never",
  },
  { name: "Never Extractable", tag: Tag.NeverExtractable, type: Bool, since: V.V1_4, ...SERVER_ONLY },
  {
    name: "Key Format Type",
    tag: Tag.KeyFormatType,
    type: Enumeration,
    since: V.V2_0,
    client: "create",
    ...SERVER_ONLY,
  },
  { name: "Opaque Data Type", tag: Tag.OpaqueDataType, type: Enumeration, since: V.V2_0, ...SERVER_ONLY },
  {
    name: "NIST Key Type",
    tag: Tag.NISTKeyType,
    type: Enumeration,
    since: V.V2_0,
    multiple: true,
    client: "add",
    ...SERVER_ONLY,
  },
  { name: "Protection Level", tag: Tag.ProtectionLevel, type: Enumeration, since: V.V2_0, ...CLIENT_FREE },
  { name: "Protection Period", tag: Tag.ProtectionPeriod, type: Interval, since: V.V2_0, ...CLIENT_FREE },
  {
    name: "Protection Storage Mask",
    tag: Tag.ProtectionStorageMask,
    type: Integer,
    since: V.V2_0,
    ...SERVER_ONLY,
  },
  { name: "Quantum Safe", tag: Tag.QuantumSafe, type: Bool, since: V.V2_0, ...CLIENT_FREE },
  {
    name: "Short Unique Identifier",
    tag: Tag.ShortUniqueIdentifier,
    type: ByteString,
    since: V.V2_0,
    ...SERVER_ONLY,
  },
  {
    name: "Rotate Automatic",
    tag: Tag.RotateAutomatic,
    type: Bool,
    since: V.V2_1,
    client: "add",
    ...SERVER_ONLY,
  },
  { name: "Rotate Date", tag: Tag.RotateDate, type: DateTime, since: V.V2_1, ...SERVER_ONLY },
  { name: "Rotate Generation", tag: Tag.RotateGeneration, type: Integer, since: V.V2_1, ...SERVER_ONLY },
  {
    name: "Rotate Interval",
    tag: Tag.RotateInterval,
    type: Interval,
    since: V.V2_1,
    client: "add",
    ...SERVER_ONLY,
  },
  { name: "Rotate Latest", tag: Tag.RotateLatest, type: Bool, since: V.V2_1, ...SERVER_ONLY },
  {
    name: "Rotate Name",
    tag: Tag.RotateName,
    type: Structure,
    fields: [required(Tag.RotateNameValue, TextString), required(Tag.RotateNameType, Enumeration)],
    since: V.V2_1,
    ...CLIENT_FREE,
    term: Tag.RotateNameValue,
  },
  {
    name: "Rotate Offset",
    tag: Tag.RotateOffset,
    type: Interval,
    since: V.V2_1,
    client: "add",
    ...SERVER_ONLY,
  },
];

const BY_NAME = new Map(ATTRIBUTE_RULES.map((rule) => [rule.name, rule]));

/** Attributes of Managed Cryptographic Objects, which opaque objects are not (2.2, appendix B). */
const CRYPTOGRAPHIC_ONLY: ReadonlySet<string> = new Set([
  "Cryptographic Algorithm",
  "Cryptographic Length",
  "Cryptographic Parameters",
  "Cryptographic Usage Mask",
  "Lease Time",
  "Usage Limits",
  "State",
  "Activation Date",
  "Process Start Date",
  "Protect Stop Date",
  "Deactivation Date",
  "Fresh",
  "Key Value Present",
  "Key Value Location",
  "Random Number Generator",
  "PKCS#12 Friendly Name",
]);

/** Attributes of keys, which secret data is not. */
const KEYS_ONLY: ReadonlySet<string> = new Set([
  "Cryptographic Parameters",
  "Usage Limits",
  "Process Start Date",
  "Protect Stop Date",
]);

/** Attributes of the specification that a template itself may have (2.2.6): what it is about is not among them. */
const OF_TEMPLATES: ReadonlySet<string> = new Set([
  "Unique Identifier",
  "Name",
  "Object Type",
  "Operation Policy Name",
  "Initial Date",
  "Archive Date",
  "Object Group",
  "Application Specific Information",
  "Contact Information",
  "Last Change Date",
  "Alternative Name",
  "Description",
  "Comment",
]);

/** Attributes of one type of object, in every version that has them. */
const OF_TYPE: ReadonlyMap<string, ReadonlySet<number>> = new Map([
  ["Opaque Data Type", new Set<number>([ObjectType.OpaqueObject])],
  ["NIST Key Type", new Set<number>([ObjectType.SymmetricKey, ObjectType.SecretData])],
]);

/**
 * True if objects of a type have the attribute. 2.x has nearly all of them for all objects; there, opaque objects have
 * a life cycle as well.
 */
export function appliesTo(name: string, objectType: number, version: KmipVersion): boolean {
  const types = OF_TYPE.get(name);
  if (types !== undefined) {
    return types.has(objectType);
  }
  if (isSecondMajor(version)) {
    return true;
  }
  if (objectType === ObjectType.Template) {
    return OF_TEMPLATES.has(name) || ruleNamed(name) === null;
  }
  if (objectType === ObjectType.OpaqueObject) {
    return !CRYPTOGRAPHIC_ONLY.has(name);
  }
  return objectType === ObjectType.SymmetricKey || !KEYS_ONLY.has(name);
}

/** The rule of an attribute of the specification, in whatever version. */
export const ruleNamed = (name: string): AttributeRule | null => BY_NAME.get(name) ?? null;

const isIn = ({ since, until }: AttributeRule, version: KmipVersion): boolean =>
  since <= version && version <= (until ?? version);

/** The rule of an attribute of the specification, if the version has it. */
export function findRule(name: string, version: KmipVersion): AttributeRule | null {
  const rule = BY_NAME.get(name);
  return rule !== undefined && isIn(rule, version) ? rule : null;
}

const BY_TAG = new Map(ATTRIBUTE_RULES.map((rule) => [rule.tag, rule]));

/** The rule of an attribute by its tag, if the version has it. */
export function ruleOfTag(tag: number, version: KmipVersion): AttributeRule | null {
  const rule = BY_TAG.get(tag);
  return rule !== undefined && isIn(rule, version) ? rule : null;
}

const BY_VERSION: readonly (readonly AttributeRule[])[] = SUPPORTED_VERSIONS.reduce<AttributeRule[][]>(
  (rules, version) => {
    rules[version] = ATTRIBUTE_RULES.filter((rule) => isIn(rule, version));
    return rules;
  },
  [],
);

/** The rules that a version has, in order. */
export const rulesOf = (version: KmipVersion): readonly AttributeRule[] => BY_VERSION[version] ?? [];
