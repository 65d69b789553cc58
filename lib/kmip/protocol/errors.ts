import type { Item } from "../ttlv/item";
import { Operation, ResultReason } from "./enumerations";
import { KmipVersion } from "./versions";

export type KmipErrorOptions = {
  /** For the operator's audit and log; never sent to the client. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** Response Payload of the failure, where the operation has one (4.10). */
  readonly payload?: readonly Item[];
};

/** Messages name what the client sent, which may be of any length. */
const MAX_MESSAGE_LENGTH = 300;

/**
 * The Result Reason of one kind of failure from a version on; with operations, of these alone.
 */
type Row = readonly [since: KmipVersion, reason: ResultReason, ...operations: readonly number[]];

/** What went wrong, and what each version of the protocol calls it. */
export type Failure = readonly Row[];

/** The Result Reason of a failure: of the newest rows that a version has, the one for the operation comes first. */
export function reasonIn(failure: Failure, version: KmipVersion, operation: number | null): ResultReason {
  let found: Row | null = null;
  for (const row of failure) {
    const [since, , ...operations] = row;
    if (since > version) {
      continue;
    }
    const named = operation !== null && operations.includes(operation);
    if (operations.length > 0 && !named) {
      continue;
    }
    if (found === null || since > found[0] || (since === found[0] && named)) {
      found = row;
    }
  }
  return found === null ? ResultReason.GeneralFailure : found[1];
}

/**
 * Failure of an operation or of a whole message: what the client is told, and what only the operator is told.
 */
export class KmipError extends Error {
  readonly failure: Failure;
  /** For the operator's audit and log; never sent to the client. */
  readonly detail: string | undefined;
  /** Response Payload of the failure, where the operation has one. */
  readonly payload: readonly Item[] | undefined;

  /** @param failure a kind of failure, or the one Result Reason that it has in all versions */
  constructor(failure: Failure | ResultReason, message: string, options: KmipErrorOptions = {}) {
    super(message.slice(0, MAX_MESSAGE_LENGTH), { cause: options.cause });
    this.name = "KmipError";
    this.failure = typeof failure === "number" ? always(failure) : failure;
    this.detail = options.detail;
    this.payload = options.payload;
  }

  /** Result Reason enumeration (KMIP 6.10, 11; 2.1: 6.1, 11.46) in a version, for an operation. */
  reasonIn(version: KmipVersion, operation: number | null = null): ResultReason {
    return reasonIn(this.failure, version, operation);
  }
}

const { V1_0, V1_4, V2_0, V2_1 } = KmipVersion;
const R = ResultReason;
const always = (reason: ResultReason): Failure => [[V1_0, reason]];

/** Operations that make an object: 1.x has Invalid Field for attributes that they cannot give it (11.2, 11.4). */
const MAKING = [Operation.Create, Operation.Register, Operation.ReKey, Operation.Import] as const;
/** Operations whose table says Read Only Attribute; the others' say Attribute Read Only. */
const SETTING = [Operation.AddAttribute, Operation.SetAttribute, Operation.AdjustAttribute] as const;

/** Operations that use a key for their client. */
const CRYPTOGRAPHIC = [Operation.Encrypt, Operation.Decrypt, Operation.MAC, Operation.MACVerify] as const;

/**
 * Kinds of failure by the Result Reasons of 1.x (clause 11) and 2.x (the error tables of 6.1). 2.x tells apart what
 * 1.x has Permission Denied, Illegal Operation, Invalid Field or Item Not Found for.
 */
export const FAILURES = {
  invalidMessage: always(R.InvalidMessage),
  invalidField: always(R.InvalidField),
  cryptographicFailure: always(R.CryptographicFailure),
  permissionDenied: always(R.PermissionDenied),
  featureNotSupported: always(R.FeatureNotSupported),
  itemNotFound: always(R.ItemNotFound),
  operationNotSupported: always(R.OperationNotSupported),
  objectArchived: always(R.ObjectArchived),
  responseTooLarge: always(R.ResponseTooLarge),
  applicationNamespaceNotSupported: always(R.ApplicationNamespaceNotSupported),
  keyFormatTypeNotSupported: always(R.KeyFormatTypeNotSupported),
  keyCompressionTypeNotSupported: always(R.KeyCompressionTypeNotSupported),
  encodingOptionError: always(R.EncodingOptionError),
  objectAlreadyExists: [
    [V1_0, R.IllegalOperation],
    [V1_4, R.ObjectAlreadyExists],
  ],

  /** Whatever is forbidden for a reason that has no name of its own. */
  illegalOperation: [
    [V1_0, R.IllegalOperation],
    [V2_0, R.PermissionDenied],
  ],
  /** Bytes that are no TTLV. */
  codecError: [
    [V1_0, R.InvalidMessage],
    [V2_0, R.CodecError],
  ],
  unsupportedVersion: [
    [V1_0, R.InvalidMessage],
    [V2_0, R.UnsupportedProtocolVersion],
  ],
  missingData: [
    [V1_0, R.InvalidMessage],
    [V2_0, R.MissingData],
  ],
  unknownExtension: [
    [V1_0, R.FeatureNotSupported],
    [V2_0, R.UnknownMessageExtension],
  ],
  unknownTag: [
    [V1_0, R.InvalidField],
    [V2_0, R.UnknownTag],
  ],
  /** "The invalid use of a known tag" (2.1, Table 478). */
  misplacedTag: [
    [V1_0, R.InvalidField],
    [V2_0, R.InvalidMessage],
  ],
  unknownEnumeration: [
    [V1_0, R.InvalidField],
    [V2_0, R.UnknownEnumeration],
  ],
  /** A fault of ours. */
  internalError: [
    [V1_0, R.GeneralFailure],
    [V2_0, R.InternalServerError],
  ],

  objectNotFound: [
    [V1_0, R.ItemNotFound],
    [V2_0, R.ObjectNotFound],
    [V2_0, R.ItemNotFound, Operation.AdjustAttribute],
  ],
  /** Of the object only attributes are left (11.12). */
  objectDestroyed: [
    [V1_0, R.IllegalOperation],
    // To clients of 1.x, which has no reason of its own for it, there is nothing left to get.
    [V1_0, R.ItemNotFound, Operation.Get],
    [V1_0, R.PermissionDenied, Operation.Destroy, Operation.ObtainLease, Operation.ReKey],
    [V2_0, R.ObjectDestroyed],
  ],
  wrongState: [
    [V1_0, R.PermissionDenied],
    [V1_0, R.IllegalOperation, Operation.Revoke],
    [V2_0, R.WrongKeyLifecycleState],
    // The mandatory cases of 2.0 ask for the general reason here; those of 2.1, for the precise one.
    [V2_0, R.PermissionDenied, Operation.Encrypt, Operation.Decrypt],
    [V2_1, R.WrongKeyLifecycleState],
  ],
  wrongObjectType: [
    [V1_0, R.PermissionDenied],
    [V1_0, R.InvalidField, Operation.Create, Operation.Register, Operation.Import, Operation.Get],
    [V1_0, R.IllegalOperation, Operation.Activate, Operation.GetUsageAllocation],
    [V2_0, R.InvalidObjectType],
    [V2_0, R.IllegalObjectType, Operation.Check],
  ],
  sensitive: [
    [V1_0, R.PermissionDenied],
    [V1_4, R.Sensitive],
  ],
  notExtractable: [
    [V1_0, R.PermissionDenied],
    [V1_4, R.NotExtractable],
  ],

  /** No attribute of the object, or none at all. */
  invalidAttribute: [
    [V1_0, R.InvalidField],
    [V1_0, R.PermissionDenied, Operation.AddAttribute],
    [V1_0, R.ItemNotFound, Operation.DeleteAttribute],
    [V2_0, R.InvalidAttribute],
  ],
  /** A name that no attribute may have. */
  badAttributeName: [
    [V1_0, R.InvalidField],
    [V2_0, R.InvalidAttribute],
  ],
  /** An attribute of the specification that this server does not have. */
  unsupportedAttribute: [
    [V1_0, R.InvalidField],
    [V1_0, R.PermissionDenied, Operation.AddAttribute],
    [V1_0, R.ItemNotFound, Operation.DeleteAttribute],
    [V2_0, R.UnsupportedAttribute],
  ],
  invalidAttributeValue: [
    [V1_0, R.InvalidField],
    [V2_0, R.InvalidAttributeValue],
  ],
  readOnlyAttribute: [
    [V1_0, R.PermissionDenied],
    [V1_0, R.InvalidField, ...MAKING],
    [V2_0, R.AttributeReadOnly],
    [V2_0, R.ReadOnlyAttribute, ...SETTING],
  ],
  attributeSingleValued: [
    [V1_0, R.IllegalOperation],
    [V1_0, R.InvalidField, ...MAKING],
    [V2_0, R.AttributeSingleValued],
  ],
  /** A value that another instance of the attribute has. */
  repeatedAttributeValue: [
    [V1_0, R.IllegalOperation],
    [V2_0, R.InvalidAttributeValue],
  ],
  multiValuedAttribute: [
    [V1_0, R.InvalidField],
    [V2_0, R.MultiValuedAttribute],
  ],
  nonUniqueName: [
    [V1_0, R.IllegalOperation],
    [V1_0, R.InvalidField, ...MAKING],
    [V2_0, R.NonUniqueNameAttribute],
  ],
  attributeNotFound: [
    [V1_0, R.ItemNotFound],
    [V1_0, R.InvalidField, Operation.ModifyAttribute],
    [V1_0, R.IllegalOperation, Operation.GetUsageAllocation],
    [V2_0, R.AttributeNotFound],
  ],
  attributeInstanceNotFound: [
    [V1_0, R.ItemNotFound],
    [V2_0, R.AttributeInstanceNotFound],
  ],
  tooManyAttributes: [
    [V1_0, R.IndexOutOfBounds],
    [V2_0, R.ServerLimitExceeded],
  ],
  /** Something larger than this server keeps. */
  limitExceeded: [
    [V1_0, R.InvalidField],
    [V2_0, R.ServerLimitExceeded],
  ],
  numericRange: [
    [V1_0, R.InvalidField],
    [V2_0, R.NumericRange],
  ],
  invalidDataType: [
    [V1_0, R.InvalidField],
    [V2_0, R.InvalidDataType],
  ],
  unknownObjectGroup: [
    [V1_0, R.InvalidField],
    [V2_1, R.UnknownObjectGroup],
  ],
  storageUnavailable: [
    [V1_0, R.FeatureNotSupported],
    [V2_0, R.ProtectionStorageUnavailable],
  ],

  usageLimitExceeded: [
    [V1_0, R.PermissionDenied],
    [V2_0, R.UsageLimitExceeded],
    // What the text says of them and their cases ask for (2.1: 6.1.17); the tables have both.
    [V2_0, R.PermissionDenied, ...CRYPTOGRAPHIC],
  ],
  incompatibleUsageMask: [
    [V1_0, R.PermissionDenied],
    [V1_0, R.IllegalOperation, Operation.GetUsageAllocation],
    [V2_0, R.IncompatibleCryptographicUsageMask],
  ],
  /** Parameters that are missing. */
  missingParameters: [
    [V1_0, R.InvalidMessage],
    [V2_0, R.BadCryptographicParameters],
  ],
  badParameters: [
    [V1_0, R.InvalidField],
    [V2_0, R.BadCryptographicParameters],
  ],
  /** The mandatory cases of 1.4 to 2.1 ask for it; 11.30 names no reason. */
  badTagLength: always(R.GeneralFailure),
  /** A key that would not be as safe as it has to be (2.1: 4.45): what the mandatory cases ask for. */
  notQuantumSafe: always(R.GeneralFailure),
  unsupportedParameters: [
    [V1_0, R.FeatureNotSupported],
    [V2_0, R.UnsupportedCryptographicParameters],
  ],
  /** The mandatory cases of 1.2 to 2.1 ask for it, though 2.x has a reason of its own. */
  missingIv: always(R.InvalidMessage),
  invalidCorrelationValue: [
    [V1_0, R.ItemNotFound],
    [V2_0, R.InvalidCorrelationValue],
  ],
  keyWrapTypeNotSupported: [
    [V1_0, R.FeatureNotSupported],
    [V2_0, R.KeyWrapTypeNotSupported],
  ],
  wrappingObjectNotFound: [
    [V1_0, R.ItemNotFound],
    [V2_0, R.WrappingObjectNotFound],
  ],
  wrappingObjectArchived: [
    [V1_0, R.ObjectArchived],
    [V2_0, R.WrappingObjectArchived],
  ],
  wrappingObjectDestroyed: [
    [V1_0, R.PermissionDenied],
    [V2_0, R.WrappingObjectDestroyed],
  ],
  /** The wrapping object is no key. */
  wrappingObjectType: [
    [V1_0, R.IllegalOperation],
    [V2_0, R.InvalidObjectType],
  ],
  /** The wrapping key has no such Cryptographic Parameters. */
  wrappingParametersNotFound: [
    [V1_0, R.ItemNotFound],
    [V2_0, R.BadCryptographicParameters],
  ],
} as const satisfies { readonly [name: string]: Failure };

const error = (failure: Failure) => (message: string, options?: KmipErrorOptions) =>
  new KmipError(failure, message, options);

/** The bytes or the structure of a message or payload are wrong (11.1). */
export const invalidMessage = error(FAILURES.invalidMessage);
/** A field has a value that is not allowed here. */
export const invalidField = error(FAILURES.invalidField);
export const cryptographicFailure = error(FAILURES.cryptographicFailure);
export const permissionDenied = error(FAILURES.permissionDenied);
export const featureNotSupported = error(FAILURES.featureNotSupported);
export const operationNotSupported = error(FAILURES.operationNotSupported);
export const itemNotFound = error(FAILURES.itemNotFound);
export const illegalOperation = error(FAILURES.illegalOperation);
export const codecError = error(FAILURES.codecError);
export const unsupportedVersion = error(FAILURES.unsupportedVersion);
export const unknownExtension = error(FAILURES.unknownExtension);
export const unknownTag = error(FAILURES.unknownTag);
export const misplacedTag = error(FAILURES.misplacedTag);
export const unknownEnumeration = error(FAILURES.unknownEnumeration);
export const internalError = error(FAILURES.internalError);
export const objectNotFound = error(FAILURES.objectNotFound);
export const objectAlreadyExists = error(FAILURES.objectAlreadyExists);
export const keyWrapTypeNotSupported = error(FAILURES.keyWrapTypeNotSupported);
export const objectArchived = error(FAILURES.objectArchived);
export const objectDestroyed = error(FAILURES.objectDestroyed);
export const wrongState = error(FAILURES.wrongState);
export const wrongObjectType = error(FAILURES.wrongObjectType);
export const invalidAttribute = error(FAILURES.invalidAttribute);
export const badAttributeName = error(FAILURES.badAttributeName);
export const unsupportedAttribute = error(FAILURES.unsupportedAttribute);
export const invalidAttributeValue = error(FAILURES.invalidAttributeValue);
export const readOnlyAttribute = error(FAILURES.readOnlyAttribute);
export const attributeSingleValued = error(FAILURES.attributeSingleValued);
export const repeatedAttributeValue = error(FAILURES.repeatedAttributeValue);
export const nonUniqueName = error(FAILURES.nonUniqueName);
export const attributeNotFound = error(FAILURES.attributeNotFound);
export const attributeInstanceNotFound = error(FAILURES.attributeInstanceNotFound);
export const limitExceeded = error(FAILURES.limitExceeded);
export const usageLimitExceeded = error(FAILURES.usageLimitExceeded);
export const incompatibleUsageMask = error(FAILURES.incompatibleUsageMask);
export const missingParameters = error(FAILURES.missingParameters);
export const badParameters = error(FAILURES.badParameters);
export const unsupportedParameters = error(FAILURES.unsupportedParameters);
export const missingIv = error(FAILURES.missingIv);
export const invalidCorrelationValue = error(FAILURES.invalidCorrelationValue);
