/**
 * Enumerations and bit masks of certificates, attestation and curves (KMIP 9.1.3.2 and 9.1.3.3; 2.1: 11): code, version that introduced
 * it, last version if it was dropped.
 */
import type { VersionedTable } from "./versioned-table";

export const CERTIFICATE_TYPE = {
  X_509: [0x01, 10],
  PGP: [0x02, 10],
} as const satisfies VersionedTable;

export const CERTIFICATE_REQUEST_TYPE = {
  CRMF: [0x01, 10],
  PKCS_10: [0x02, 10],
  PEM: [0x03, 10],
  PGP: [0x04, 10, 14],
} as const satisfies VersionedTable;

export const VALIDITY_INDICATOR = {
  Valid: [0x01, 10],
  Invalid: [0x02, 10],
  Unknown: [0x03, 10],
} as const satisfies VersionedTable;

export const ATTESTATION_TYPE = {
  TPMQuote: [0x01, 12],
  TCGIntegrityReport: [0x02, 12],
  SAMLAssertion: [0x03, 12],
} as const satisfies VersionedTable;

export const CLIENT_REGISTRATION_METHOD = {
  Unspecified: [0x01, 13],
  ServerPreGenerated: [0x02, 13],
  ServerOnDemand: [0x03, 13],
  ClientGenerated: [0x04, 13],
  ClientRegistered: [0x05, 13],
} as const satisfies VersionedTable;

export const VALIDATION_AUTHORITY_TYPE = {
  Unspecified: [0x01, 13],
  NISTCMVP: [0x02, 13],
  CommonCriteria: [0x03, 13],
} as const satisfies VersionedTable;

export const VALIDATION_TYPE = {
  Unspecified: [0x01, 13],
  Hardware: [0x02, 13],
  Software: [0x03, 13],
  Firmware: [0x04, 13],
  Hybrid: [0x05, 13],
} as const satisfies VersionedTable;

export const RECOMMENDED_CURVE = {
  P_192: [0x01, 10],
  K_163: [0x02, 10],
  B_163: [0x03, 10],
  P_224: [0x04, 10],
  K_233: [0x05, 10],
  B_233: [0x06, 10],
  P_256: [0x07, 10],
  K_283: [0x08, 10],
  B_283: [0x09, 10],
  P_384: [0x0a, 10],
  K_409: [0x0b, 10],
  B_409: [0x0c, 10],
  P_521: [0x0d, 10],
  K_571: [0x0e, 10],
  B_571: [0x0f, 10],
  SECP112R1: [0x10, 12],
  SECP112R2: [0x11, 12],
  SECP128R1: [0x12, 12],
  SECP128R2: [0x13, 12],
  SECP160K1: [0x14, 12],
  SECP160R1: [0x15, 12],
  SECP160R2: [0x16, 12],
  SECP192K1: [0x17, 12],
  SECP224K1: [0x18, 12],
  SECP256K1: [0x19, 12],
  SECT113R1: [0x1a, 12],
  SECT113R2: [0x1b, 12],
  SECT131R1: [0x1c, 12],
  SECT131R2: [0x1d, 12],
  SECT163R1: [0x1e, 12],
  SECT193R1: [0x1f, 12],
  SECT193R2: [0x20, 12],
  SECT239K1: [0x21, 12],
  ANSIX9P192V2: [0x22, 12],
  ANSIX9P192V3: [0x23, 12],
  ANSIX9P239V1: [0x24, 12],
  ANSIX9P239V2: [0x25, 12],
  ANSIX9P239V3: [0x26, 12],
  ANSIX9C2PNB163V1: [0x27, 12],
  ANSIX9C2PNB163V2: [0x28, 12],
  ANSIX9C2PNB163V3: [0x29, 12],
  ANSIX9C2PNB176V1: [0x2a, 12],
  ANSIX9C2TNB191V1: [0x2b, 12],
  ANSIX9C2TNB191V2: [0x2c, 12],
  ANSIX9C2TNB191V3: [0x2d, 12],
  ANSIX9C2PNB208W1: [0x2e, 12],
  ANSIX9C2TNB239V1: [0x2f, 12],
  ANSIX9C2TNB239V2: [0x30, 12],
  ANSIX9C2TNB239V3: [0x31, 12],
  ANSIX9C2PNB272W1: [0x32, 12],
  ANSIX9C2PNB304W1: [0x33, 12],
  ANSIX9C2TNB359V1: [0x34, 12],
  ANSIX9C2PNB368W1: [0x35, 12],
  ANSIX9C2TNB431R1: [0x36, 12],
  BRAINPOOLP160R1: [0x37, 12],
  BRAINPOOLP160T1: [0x38, 12],
  BRAINPOOLP192R1: [0x39, 12],
  BRAINPOOLP192T1: [0x3a, 12],
  BRAINPOOLP224R1: [0x3b, 12],
  BRAINPOOLP224T1: [0x3c, 12],
  BRAINPOOLP256R1: [0x3d, 12],
  BRAINPOOLP256T1: [0x3e, 12],
  BRAINPOOLP320R1: [0x3f, 12],
  BRAINPOOLP320T1: [0x40, 12],
  BRAINPOOLP384R1: [0x41, 12],
  BRAINPOOLP384T1: [0x42, 12],
  BRAINPOOLP512R1: [0x43, 12],
  BRAINPOOLP512T1: [0x44, 12],
  CURVE25519: [0x45, 20],
  CURVE448: [0x46, 20],
} as const satisfies VersionedTable;
