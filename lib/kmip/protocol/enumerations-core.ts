/**
 * Enumerations and bit masks of messages, objects and their life cycle (KMIP 9.1.3.2 and 9.1.3.3; 2.1: 11): code, version that introduced
 * it, last version if it was dropped.
 */
import type { VersionedTable } from "./versioned-table";

export const OPERATION = {
  Create: [0x01, 10],
  CreateKeyPair: [0x02, 10],
  Register: [0x03, 10],
  ReKey: [0x04, 10],
  DeriveKey: [0x05, 10],
  Certify: [0x06, 10],
  ReCertify: [0x07, 10],
  Locate: [0x08, 10],
  Check: [0x09, 10],
  Get: [0x0a, 10],
  GetAttributes: [0x0b, 10],
  GetAttributeList: [0x0c, 10],
  AddAttribute: [0x0d, 10],
  ModifyAttribute: [0x0e, 10],
  DeleteAttribute: [0x0f, 10],
  ObtainLease: [0x10, 10],
  GetUsageAllocation: [0x11, 10],
  Activate: [0x12, 10],
  Revoke: [0x13, 10],
  Destroy: [0x14, 10],
  Archive: [0x15, 10],
  Recover: [0x16, 10],
  Validate: [0x17, 10],
  Query: [0x18, 10],
  Cancel: [0x19, 10],
  Poll: [0x1a, 10],
  Notify: [0x1b, 10],
  Put: [0x1c, 10],
  ReKeyKeyPair: [0x1d, 11],
  DiscoverVersions: [0x1e, 11],
  Encrypt: [0x1f, 12],
  Decrypt: [0x20, 12],
  Sign: [0x21, 12],
  SignatureVerify: [0x22, 12],
  MAC: [0x23, 12],
  MACVerify: [0x24, 12],
  RNGRetrieve: [0x25, 12],
  RNGSeed: [0x26, 12],
  Hash: [0x27, 12],
  CreateSplitKey: [0x28, 12],
  JoinSplitKey: [0x29, 12],
  Import: [0x2a, 14],
  Export: [0x2b, 14],
  Log: [0x2c, 20],
  Login: [0x2d, 20],
  Logout: [0x2e, 20],
  DelegatedLogin: [0x2f, 20],
  AdjustAttribute: [0x30, 20],
  SetAttribute: [0x31, 20],
  SetEndpointRole: [0x32, 20],
  PKCS_11: [0x33, 20],
  Interop: [0x34, 20],
  ReProvision: [0x35, 20],
  SetDefaults: [0x36, 21],
  SetConstraints: [0x37, 21],
  GetConstraints: [0x38, 21],
  QueryAsynchronousRequests: [0x39, 21],
  Process: [0x3a, 21],
  Ping: [0x3b, 21],
} as const satisfies VersionedTable;

export const RESULT_STATUS = {
  Success: [0x00, 10],
  OperationFailed: [0x01, 10],
  OperationPending: [0x02, 10],
  OperationUndone: [0x03, 10],
} as const satisfies VersionedTable;

export const RESULT_REASON = {
  ItemNotFound: [0x01, 10],
  ResponseTooLarge: [0x02, 10],
  AuthenticationNotSuccessful: [0x03, 10],
  InvalidMessage: [0x04, 10],
  OperationNotSupported: [0x05, 10],
  MissingData: [0x06, 10],
  InvalidField: [0x07, 10],
  FeatureNotSupported: [0x08, 10],
  OperationCanceledByRequester: [0x09, 10],
  CryptographicFailure: [0x0a, 10],
  IllegalOperation: [0x0b, 10, 14],
  PermissionDenied: [0x0c, 10],
  ObjectArchived: [0x0d, 10],
  IndexOutOfBounds: [0x0e, 10, 14],
  ApplicationNamespaceNotSupported: [0x0f, 10],
  KeyFormatTypeNotSupported: [0x10, 10],
  KeyCompressionTypeNotSupported: [0x11, 10],
  EncodingOptionError: [0x12, 11],
  KeyValueNotPresent: [0x13, 12],
  AttestationRequired: [0x14, 12],
  AttestationFailed: [0x15, 12],
  Sensitive: [0x16, 14],
  NotExtractable: [0x17, 14],
  ObjectAlreadyExists: [0x18, 14],
  InvalidTicket: [0x19, 20],
  UsageLimitExceeded: [0x1a, 20],
  NumericRange: [0x1b, 20],
  InvalidDataType: [0x1c, 20],
  ReadOnlyAttribute: [0x1d, 20],
  MultiValuedAttribute: [0x1e, 20],
  UnsupportedAttribute: [0x1f, 20],
  AttributeInstanceNotFound: [0x20, 20],
  AttributeNotFound: [0x21, 20],
  AttributeReadOnly: [0x22, 20],
  AttributeSingleValued: [0x23, 20],
  BadCryptographicParameters: [0x24, 20],
  BadPassword: [0x25, 20],
  CodecError: [0x26, 20],
  IllegalObjectType: [0x28, 20],
  IncompatibleCryptographicUsageMask: [0x29, 20],
  InternalServerError: [0x2a, 20],
  InvalidAsynchronousCorrelationValue: [0x2b, 20],
  InvalidAttribute: [0x2c, 20],
  InvalidAttributeValue: [0x2d, 20],
  InvalidCorrelationValue: [0x2e, 20],
  InvalidCSR: [0x2f, 20],
  InvalidObjectType: [0x30, 20],
  KeyWrapTypeNotSupported: [0x32, 20],
  MissingInitializationVector: [0x34, 20],
  NonUniqueNameAttribute: [0x35, 20],
  ObjectDestroyed: [0x36, 20],
  ObjectNotFound: [0x37, 20],
  NotAuthorised: [0x39, 20],
  ServerLimitExceeded: [0x3a, 20],
  UnknownEnumeration: [0x3b, 20],
  UnknownMessageExtension: [0x3c, 20],
  UnknownTag: [0x3d, 20],
  UnsupportedCryptographicParameters: [0x3e, 20],
  UnsupportedProtocolVersion: [0x3f, 20],
  WrappingObjectArchived: [0x40, 20],
  WrappingObjectDestroyed: [0x41, 20],
  WrappingObjectNotFound: [0x42, 20],
  WrongKeyLifecycleState: [0x43, 20],
  ProtectionStorageUnavailable: [0x44, 20],
  PKCS_11CodecError: [0x45, 20],
  PKCS_11InvalidFunction: [0x46, 20],
  PKCS_11InvalidInterface: [0x47, 20],
  PrivateProtectionStorageUnavailable: [0x48, 20],
  PublicProtectionStorageUnavailable: [0x49, 20],
  UnknownObjectGroup: [0x4a, 21],
  ConstraintViolation: [0x4b, 21],
  DuplicateProcessRequest: [0x4c, 21],
  GeneralFailure: [0x100, 10],
} as const satisfies VersionedTable;

export const BATCH_ERROR_CONTINUATION_OPTION = {
  Continue: [0x01, 10],
  Stop: [0x02, 10],
  Undo: [0x03, 10],
} as const satisfies VersionedTable;

export const QUERY_FUNCTION = {
  QueryOperations: [0x01, 10],
  QueryObjects: [0x02, 10],
  QueryServerInformation: [0x03, 10],
  QueryApplicationNamespaces: [0x04, 10],
  QueryExtensionList: [0x05, 11],
  QueryExtensionMap: [0x06, 11],
  QueryAttestationTypes: [0x07, 12],
  QueryRNGs: [0x08, 13],
  QueryValidations: [0x09, 13],
  QueryProfiles: [0x0a, 13],
  QueryCapabilities: [0x0b, 13],
  QueryClientRegistrationMethods: [0x0c, 13],
  QueryDefaultsInformation: [0x0d, 20],
  QueryStorageProtectionMasks: [0x0e, 20],
} as const satisfies VersionedTable;

export const CREDENTIAL_TYPE = {
  UsernameAndPassword: [0x01, 10],
  Device: [0x02, 11],
  Attestation: [0x03, 12],
  OneTimePassword: [0x04, 20],
  HashedPassword: [0x05, 20],
  Ticket: [0x06, 20],
} as const satisfies VersionedTable;

export const OBJECT_TYPE = {
  Certificate: [0x01, 10],
  SymmetricKey: [0x02, 10],
  PublicKey: [0x03, 10],
  PrivateKey: [0x04, 10],
  SplitKey: [0x05, 10],
  Template: [0x06, 10, 14],
  SecretData: [0x07, 10],
  OpaqueObject: [0x08, 10],
  PGPKey: [0x09, 12],
  CertificateRequest: [0x0a, 20],
} as const satisfies VersionedTable;

export const STATE = {
  PreActive: [0x01, 10],
  Active: [0x02, 10],
  Deactivated: [0x03, 10],
  Compromised: [0x04, 10],
  Destroyed: [0x05, 10],
  DestroyedCompromised: [0x06, 10],
} as const satisfies VersionedTable;

export const REVOCATION_REASON_CODE = {
  Unspecified: [0x01, 10],
  KeyCompromise: [0x02, 10],
  CACompromise: [0x03, 10],
  AffiliationChanged: [0x04, 10],
  Superseded: [0x05, 10],
  CessationOfOperation: [0x06, 10],
  PrivilegeWithdrawn: [0x07, 10],
} as const satisfies VersionedTable;

export const NAME_TYPE = {
  UninterpretedTextString: [0x01, 10],
  URI: [0x02, 10],
} as const satisfies VersionedTable;

export const ALTERNATIVE_NAME_TYPE = {
  UninterpretedTextString: [0x01, 12],
  URI: [0x02, 12],
  ObjectSerialNumber: [0x03, 12],
  EmailAddress: [0x04, 12],
  DNSName: [0x05, 12],
  X_500DistinguishedName: [0x06, 12],
  IPAddress: [0x07, 12],
} as const satisfies VersionedTable;

export const LINK_TYPE = {
  CertificateLink: [0x101, 10],
  PublicKeyLink: [0x102, 10],
  PrivateKeyLink: [0x103, 10],
  DerivationBaseObjectLink: [0x104, 10],
  DerivedKeyLink: [0x105, 10],
  ReplacementObjectLink: [0x106, 10],
  ReplacedObjectLink: [0x107, 10],
  ParentLink: [0x108, 12],
  ChildLink: [0x109, 12],
  PreviousLink: [0x10a, 12],
  NextLink: [0x10b, 12],
  PKCS_12CertificateLink: [0x10c, 14],
  PKCS_12PasswordLink: [0x10d, 14],
  WrappingKeyLink: [0x10e, 20],
} as const satisfies VersionedTable;

export const OBJECT_GROUP_MEMBER = {
  GroupMemberFresh: [0x01, 11],
  GroupMemberDefault: [0x02, 11],
} as const satisfies VersionedTable;

export const USAGE_LIMITS_UNIT = {
  Byte: [0x01, 10],
  Object: [0x02, 10],
} as const satisfies VersionedTable;

export const KEY_VALUE_LOCATION_TYPE = {
  UninterpretedTextString: [0x01, 12],
  URI: [0x02, 12],
} as const satisfies VersionedTable;

export const CANCELLATION_RESULT = {
  Canceled: [0x01, 10],
  UnableToCancel: [0x02, 10],
  Completed: [0x03, 10],
  Failed: [0x04, 10],
  Unavailable: [0x05, 10],
} as const satisfies VersionedTable;

export const PUT_FUNCTION = {
  New: [0x01, 10],
  Replace: [0x02, 10],
} as const satisfies VersionedTable;

export const ADJUSTMENT_TYPE = {
  Increment: [0x01, 20],
  Decrement: [0x02, 20],
  Negate: [0x03, 20],
} as const satisfies VersionedTable;

/** Who asks (client) and who answers (server) on a connection. */
export const ENDPOINT_ROLE = {
  Client: [0x01, 20],
  Server: [0x02, 20],
} as const satisfies VersionedTable;

export const ASYNCHRONOUS_INDICATOR = {
  Mandatory: [0x01, 20],
  Optional: [0x02, 20],
  Prohibited: [0x03, 20],
} as const satisfies VersionedTable;

export const ITEM_TYPE = {
  Structure: [0x01, 20],
  Integer: [0x02, 20],
  LongInteger: [0x03, 20],
  BigInteger: [0x04, 20],
  Enumeration: [0x05, 20],
  Boolean: [0x06, 20],
  TextString: [0x07, 20],
  ByteString: [0x08, 20],
  DateTime: [0x09, 20],
  Interval: [0x0a, 20],
  DateTimeExtended: [0x0b, 20],
} as const satisfies VersionedTable;

export const UNIQUE_IDENTIFIER = {
  IDPlaceholder: [0x01, 20],
  Certify: [0x02, 20],
  Create: [0x03, 20],
  CreateKeyPair: [0x04, 20],
  CreateKeyPairPrivateKey: [0x05, 20],
  CreateKeyPairPublicKey: [0x06, 20],
  CreateSplitKey: [0x07, 20],
  DeriveKey: [0x08, 20],
  Import: [0x09, 20],
  JoinSplitKey: [0x0a, 20],
  Locate: [0x0b, 20],
  Register: [0x0c, 20],
  ReKey: [0x0d, 20],
  ReCertify: [0x0e, 20],
  ReKeyKeyPair: [0x0f, 20],
  ReKeyKeyPairPrivateKey: [0x10, 20],
  ReKeyKeyPairPublicKey: [0x11, 20],
} as const satisfies VersionedTable;

export const INTEROP_FUNCTION = {
  Begin: [0x01, 20],
  End: [0x02, 20],
  Reset: [0x03, 20],
} as const satisfies VersionedTable;

export const PROCESSING_STAGE = {
  Submitted: [0x01, 21],
  InProcess: [0x02, 21],
  Completed: [0x03, 21],
} as const satisfies VersionedTable;

export const STORAGE_STATUS_MASK = {
  OnLineStorage: [0x01, 10],
  ArchivalStorage: [0x02, 10],
  DestroyedStorage: [0x04, 20],
} as const satisfies VersionedTable;

export const PROTECTION_STORAGE_MASK = {
  Software: [0x01, 20],
  Hardware: [0x02, 20],
  OnProcessor: [0x04, 20],
  OnSystem: [0x08, 20],
  OffSystem: [0x10, 20],
  Hypervisor: [0x20, 20],
  OperatingSystem: [0x40, 20],
  Container: [0x80, 20],
  OnPremises: [0x100, 20],
  OffPremises: [0x200, 20],
  SelfManaged: [0x400, 20],
  Outsourced: [0x800, 20],
  Validated: [0x1000, 20],
  SameJurisdiction: [0x2000, 20],
} as const satisfies VersionedTable;

export const ROTATE_NAME_TYPE = {
  UninterpretedTextString: [0x01, 21],
  URI: [0x02, 21],
} as const satisfies VersionedTable;

export const PROTECTION_LEVEL = {
  High: [0x01, 20],
  Low: [0x02, 20],
} as const satisfies VersionedTable;

export const DATA = {
  Decrypt: [0x01, 20],
  Encrypt: [0x02, 20],
  Hash: [0x03, 20],
  MACMACData: [0x04, 20],
  RNGRetrieve: [0x05, 20],
  SignSignatureData: [0x06, 20],
  SignatureVerify: [0x07, 20],
} as const satisfies VersionedTable;
