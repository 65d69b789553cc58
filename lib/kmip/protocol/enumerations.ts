/**
 * The enumerations by the field that carries them, and the codes that the engine names itself.
 */
import * as certificates from "./enumerations-certificates";
import * as core from "./enumerations-core";
import * as cryptography from "./enumerations-cryptography";
import { PROFILE_NAME } from "./enumerations-profiles";
import { Tag } from "./tags";
import { type CodeIndex, codesOf, indexOf, type VersionedTable } from "./versioned-table";

export const Operation = codesOf(core.OPERATION);
export type Operation = (typeof Operation)[keyof typeof Operation];
export const OPERATIONS = indexOf(core.OPERATION);

export const ResultStatus = codesOf(core.RESULT_STATUS);
export const ResultReason = codesOf(core.RESULT_REASON);
export type ResultReason = (typeof ResultReason)[keyof typeof ResultReason];
export const RESULT_REASONS = indexOf(core.RESULT_REASON);

export const ObjectType = codesOf(core.OBJECT_TYPE);
export const State = codesOf(core.STATE);
export type State = (typeof State)[keyof typeof State];
export const RevocationReasonCode = codesOf(core.REVOCATION_REASON_CODE);
export const REVOCATION_REASON_CODES = indexOf(core.REVOCATION_REASON_CODE);
export const BatchErrorContinuationOption = codesOf(core.BATCH_ERROR_CONTINUATION_OPTION);
export const QueryFunction = codesOf(core.QUERY_FUNCTION);
export const ValidityIndicator = codesOf(certificates.VALIDITY_INDICATOR);
export const NameType = codesOf(core.NAME_TYPE);
export const UsageLimitsUnit = codesOf(core.USAGE_LIMITS_UNIT);
export const LinkType = codesOf(core.LINK_TYPE);
export const ObjectGroupMember = codesOf(core.OBJECT_GROUP_MEMBER);
export const AdjustmentType = codesOf(core.ADJUSTMENT_TYPE);
export const EndpointRole = codesOf(core.ENDPOINT_ROLE);
export const AsynchronousIndicator = codesOf(core.ASYNCHRONOUS_INDICATOR);
export const ProtectionStorageMask = codesOf(core.PROTECTION_STORAGE_MASK);
export const UniqueIdentifier = codesOf(core.UNIQUE_IDENTIFIER);
export const Data = codesOf(core.DATA);
export const StorageStatusMask = codesOf(core.STORAGE_STATUS_MASK);

export const CryptographicAlgorithm = codesOf(cryptography.CRYPTOGRAPHIC_ALGORITHM);
export const CRYPTOGRAPHIC_ALGORITHMS = indexOf(cryptography.CRYPTOGRAPHIC_ALGORITHM);
export const CryptographicUsageMask = codesOf(cryptography.CRYPTOGRAPHIC_USAGE_MASK);
export const KeyFormatType = codesOf(cryptography.KEY_FORMAT_TYPE);
export const HashingAlgorithm = codesOf(cryptography.HASHING_ALGORITHM);
export const BlockCipherMode = codesOf(cryptography.BLOCK_CIPHER_MODE);
export const PaddingMethod = codesOf(cryptography.PADDING_METHOD);
export const KeyWrapType = codesOf(cryptography.KEY_WRAP_TYPE);
export const WrappingMethod = codesOf(cryptography.WRAPPING_METHOD);
export const EncodingOption = codesOf(cryptography.ENCODING_OPTION);
export const SecretDataType = codesOf(cryptography.SECRET_DATA_TYPE);
export const RngAlgorithm = codesOf(cryptography.RNG_ALGORITHM);
export const DrbgAlgorithm = codesOf(cryptography.DRBG_ALGORITHM);

export const ProfileName = codesOf(PROFILE_NAME);

const TABLES: readonly (readonly [tag: number, table: VersionedTable])[] = [
  [Tag.Operation, core.OPERATION],
  [Tag.ResultStatus, core.RESULT_STATUS],
  [Tag.ResultReason, core.RESULT_REASON],
  [Tag.BatchErrorContinuationOption, core.BATCH_ERROR_CONTINUATION_OPTION],
  [Tag.QueryFunction, core.QUERY_FUNCTION],
  [Tag.CredentialType, core.CREDENTIAL_TYPE],
  [Tag.ObjectType, core.OBJECT_TYPE],
  [Tag.State, core.STATE],
  [Tag.RevocationReasonCode, core.REVOCATION_REASON_CODE],
  [Tag.NameType, core.NAME_TYPE],
  [Tag.AlternativeNameType, core.ALTERNATIVE_NAME_TYPE],
  [Tag.LinkType, core.LINK_TYPE],
  [Tag.ObjectGroupMember, core.OBJECT_GROUP_MEMBER],
  [Tag.UsageLimitsUnit, core.USAGE_LIMITS_UNIT],
  [Tag.KeyValueLocationType, core.KEY_VALUE_LOCATION_TYPE],
  [Tag.CancellationResult, core.CANCELLATION_RESULT],
  [Tag.PutFunction, core.PUT_FUNCTION],
  [Tag.AdjustmentType, core.ADJUSTMENT_TYPE],
  [Tag.InteropFunction, core.INTEROP_FUNCTION],
  [Tag.ProtectionLevel, core.PROTECTION_LEVEL],
  [Tag.EndpointRole, core.ENDPOINT_ROLE],
  [Tag.AsynchronousIndicator, core.ASYNCHRONOUS_INDICATOR],
  [Tag.RotateNameType, core.ROTATE_NAME_TYPE],
  [Tag.NISTKeyType, cryptography.NIST_KEY_TYPE],
  [Tag.CryptographicAlgorithm, cryptography.CRYPTOGRAPHIC_ALGORITHM],
  [Tag.KeyFormatType, cryptography.KEY_FORMAT_TYPE],
  [Tag.KeyCompressionType, cryptography.KEY_COMPRESSION_TYPE],
  [Tag.KeyWrapType, cryptography.KEY_WRAP_TYPE],
  [Tag.WrappingMethod, cryptography.WRAPPING_METHOD],
  [Tag.EncodingOption, cryptography.ENCODING_OPTION],
  [Tag.BlockCipherMode, cryptography.BLOCK_CIPHER_MODE],
  [Tag.PaddingMethod, cryptography.PADDING_METHOD],
  [Tag.HashingAlgorithm, cryptography.HASHING_ALGORITHM],
  [Tag.MaskGenerator, cryptography.MASK_GENERATOR],
  [Tag.MaskGeneratorHashingAlgorithm, cryptography.HASHING_ALGORITHM],
  [Tag.KeyRoleType, cryptography.KEY_ROLE_TYPE],
  [Tag.DerivationMethod, cryptography.DERIVATION_METHOD],
  [Tag.DigitalSignatureAlgorithm, cryptography.DIGITAL_SIGNATURE_ALGORITHM],
  [Tag.RNGAlgorithm, cryptography.RNG_ALGORITHM],
  [Tag.DRBGAlgorithm, cryptography.DRBG_ALGORITHM],
  [Tag.FIPS186Variation, cryptography.FIPS186_VARIATION],
  [Tag.RNGMode, cryptography.RNG_MODE],
  [Tag.SplitKeyMethod, cryptography.SPLIT_KEY_METHOD],
  [Tag.SecretDataType, cryptography.SECRET_DATA_TYPE],
  [Tag.UnwrapMode, cryptography.UNWRAP_MODE],
  [Tag.DestroyAction, cryptography.DESTROY_ACTION],
  [Tag.ShreddingAlgorithm, cryptography.SHREDDING_ALGORITHM],
  [Tag.CertificateType, certificates.CERTIFICATE_TYPE],
  [Tag.CertificateRequestType, certificates.CERTIFICATE_REQUEST_TYPE],
  [Tag.ValidityIndicator, certificates.VALIDITY_INDICATOR],
  [Tag.AttestationType, certificates.ATTESTATION_TYPE],
  [Tag.ClientRegistrationMethod, certificates.CLIENT_REGISTRATION_METHOD],
  [Tag.ValidationAuthorityType, certificates.VALIDATION_AUTHORITY_TYPE],
  [Tag.ValidationType, certificates.VALIDATION_TYPE],
  [Tag.RecommendedCurve, certificates.RECOMMENDED_CURVE],
  [Tag.ProfileName, PROFILE_NAME],
];

/** The enumeration of each field that carries one. */
export const ENUMERATION_OF_TAG: ReadonlyMap<number, CodeIndex> = new Map(
  TABLES.map(([tag, table]) => [tag, indexOf(table)]),
);

/** Values that vendors may use for their own meanings have 8 in the highest nibble (9.1.1.4). */
export const isExtensionValue = (value: number): boolean => value >>> 28 === 0x8;
