/**
 * Enumerations and bit masks of keys and cryptography (KMIP 9.1.3.2 and 9.1.3.3; 2.1: 11): code, version that introduced
 * it, last version if it was dropped.
 */
import type { VersionedTable } from "./versioned-table";

export const CRYPTOGRAPHIC_ALGORITHM = {
  DES: [0x01, 10],
  DES3: [0x02, 10],
  AES: [0x03, 10],
  RSA: [0x04, 10],
  DSA: [0x05, 10],
  ECDSA: [0x06, 10],
  HMAC_SHA1: [0x07, 10],
  HMAC_SHA224: [0x08, 10],
  HMAC_SHA256: [0x09, 10],
  HMAC_SHA384: [0x0a, 10],
  HMAC_SHA512: [0x0b, 10],
  HMAC_MD5: [0x0c, 10],
  DH: [0x0d, 10],
  ECDH: [0x0e, 10],
  ECMQV: [0x0f, 10],
  Blowfish: [0x10, 10],
  Camellia: [0x11, 10],
  CAST5: [0x12, 10],
  IDEA: [0x13, 10],
  MARS: [0x14, 10],
  RC2: [0x15, 10],
  RC4: [0x16, 10],
  RC5: [0x17, 10],
  SKIPJACK: [0x18, 10],
  Twofish: [0x19, 10],
  EC: [0x1a, 12],
  OneTimePad: [0x1b, 13],
  ChaCha20: [0x1c, 14],
  Poly1305: [0x1d, 14],
  ChaCha20Poly1305: [0x1e, 14],
  SHA3_224: [0x1f, 14],
  SHA3_256: [0x20, 14],
  SHA3_384: [0x21, 14],
  SHA3_512: [0x22, 14],
  HMAC_SHA3_224: [0x23, 14],
  HMAC_SHA3_256: [0x24, 14],
  HMAC_SHA3_384: [0x25, 14],
  HMAC_SHA3_512: [0x26, 14],
  SHAKE_128: [0x27, 14],
  SHAKE_256: [0x28, 14],
  ARIA: [0x29, 20],
  SEED: [0x2a, 20],
  SM2: [0x2b, 20],
  SM3: [0x2c, 20],
  SM4: [0x2d, 20],
  GOSTR34_10_2012: [0x2e, 20],
  GOSTR34_11_2012: [0x2f, 20],
  GOSTR34_13_2015: [0x30, 20],
  GOST28147_89: [0x31, 20],
  XMSS: [0x32, 20],
  SPHINCS_256: [0x33, 20],
  McEliece: [0x34, 20],
  McEliece_6960119: [0x35, 20],
  McEliece_8192128: [0x36, 20],
  Ed25519: [0x37, 20],
  Ed448: [0x38, 20],
} as const satisfies VersionedTable;

export const CRYPTOGRAPHIC_USAGE_MASK = {
  Sign: [0x01, 10],
  Verify: [0x02, 10],
  Encrypt: [0x04, 10],
  Decrypt: [0x08, 10],
  WrapKey: [0x10, 10],
  UnwrapKey: [0x20, 10],
  Export: [0x40, 10, 14],
  MACGenerate: [0x80, 10],
  MACVerify: [0x100, 10],
  DeriveKey: [0x200, 10],
  ContentCommitmentNonRepudiation: [0x400, 10, 14],
  KeyAgreement: [0x800, 10],
  CertificateSign: [0x1000, 10],
  CRLSign: [0x2000, 10],
  GenerateCryptogram: [0x4000, 10, 14],
  ValidateCryptogram: [0x8000, 10, 14],
  TranslateEncrypt: [0x10000, 10, 14],
  TranslateDecrypt: [0x20000, 10, 14],
  TranslateWrap: [0x40000, 10, 14],
  TranslateUnwrap: [0x80000, 10, 14],
  Authenticate: [0x100000, 20],
  Unrestricted: [0x200000, 20],
  FPEEncrypt: [0x400000, 20],
  FPEDecrypt: [0x800000, 20],
} as const satisfies VersionedTable;

export const KEY_FORMAT_TYPE = {
  Raw: [0x01, 10],
  Opaque: [0x02, 10],
  PKCS_1: [0x03, 10],
  PKCS_8: [0x04, 10],
  X_509: [0x05, 10],
  ECPrivateKey: [0x06, 10],
  TransparentSymmetricKey: [0x07, 10],
  TransparentDSAPrivateKey: [0x08, 10],
  TransparentDSAPublicKey: [0x09, 10],
  TransparentRSAPrivateKey: [0x0a, 10],
  TransparentRSAPublicKey: [0x0b, 10],
  TransparentDHPrivateKey: [0x0c, 10],
  TransparentDHPublicKey: [0x0d, 10],
  TransparentECDSAPrivateKey: [0x0e, 10, 14],
  TransparentECDSAPublicKey: [0x0f, 10, 14],
  TransparentECDHPrivateKey: [0x10, 10, 14],
  TransparentECDHPublicKey: [0x11, 10, 14],
  TransparentECMQVPrivateKey: [0x12, 10, 14],
  TransparentECMQVPublicKey: [0x13, 10, 14],
  TransparentECPrivateKey: [0x14, 13],
  TransparentECPublicKey: [0x15, 13],
  PKCS_12: [0x16, 14],
  PKCS_10: [0x17, 20],
} as const satisfies VersionedTable;

export const KEY_COMPRESSION_TYPE = {
  ECPublicKeyTypeUncompressed: [0x01, 10],
  ECPublicKeyTypeX9_62CompressedPrime: [0x02, 10],
  ECPublicKeyTypeX9_62CompressedChar2: [0x03, 10],
  ECPublicKeyTypeX9_62Hybrid: [0x04, 10],
} as const satisfies VersionedTable;

export const KEY_WRAP_TYPE = {
  NotWrapped: [0x01, 14],
  AsRegistered: [0x02, 14],
} as const satisfies VersionedTable;

export const WRAPPING_METHOD = {
  Encrypt: [0x01, 10],
  MACSign: [0x02, 10],
  EncryptThenMACSign: [0x03, 10],
  MACSignThenEncrypt: [0x04, 10],
  TR_31: [0x05, 10],
} as const satisfies VersionedTable;

export const ENCODING_OPTION = {
  NoEncoding: [0x01, 11],
  TTLVEncoding: [0x02, 11],
} as const satisfies VersionedTable;

export const BLOCK_CIPHER_MODE = {
  CBC: [0x01, 10],
  ECB: [0x02, 10],
  PCBC: [0x03, 10],
  CFB: [0x04, 10],
  OFB: [0x05, 10],
  CTR: [0x06, 10],
  CMAC: [0x07, 10],
  CCM: [0x08, 10],
  GCM: [0x09, 10],
  CBC_MAC: [0x0a, 10],
  XTS: [0x0b, 10],
  AESKeyWrapPadding: [0x0c, 10],
  NISTKeyWrap: [0x0d, 10],
  X9_102AESKW: [0x0e, 10],
  X9_102TDKW: [0x0f, 10],
  X9_102AKW1: [0x10, 10],
  X9_102AKW2: [0x11, 10],
  AEAD: [0x12, 14],
} as const satisfies VersionedTable;

export const PADDING_METHOD = {
  None: [0x01, 10],
  OAEP: [0x02, 10],
  PKCS5: [0x03, 10],
  SSL3: [0x04, 10],
  Zeros: [0x05, 10],
  ANSIX9_23: [0x06, 10],
  ISO10126: [0x07, 10],
  PKCS1V1_5: [0x08, 10],
  X9_31: [0x09, 10],
  PSS: [0x0a, 10],
} as const satisfies VersionedTable;

export const HASHING_ALGORITHM = {
  MD2: [0x01, 10],
  MD4: [0x02, 10],
  MD5: [0x03, 10],
  SHA_1: [0x04, 10],
  SHA_224: [0x05, 10],
  SHA_256: [0x06, 10],
  SHA_384: [0x07, 10],
  SHA_512: [0x08, 10],
  RIPEMD_160: [0x09, 10],
  Tiger: [0x0a, 10],
  Whirlpool: [0x0b, 10],
  SHA_512_224: [0x0c, 12],
  SHA_512_256: [0x0d, 12],
  SHA_3_224: [0x0e, 14],
  SHA_3_256: [0x0f, 14],
  SHA_3_384: [0x10, 14],
  SHA_3_512: [0x11, 14],
} as const satisfies VersionedTable;

export const MASK_GENERATOR = {
  MGF1: [0x01, 14],
} as const satisfies VersionedTable;

export const KEY_ROLE_TYPE = {
  BDK: [0x01, 10],
  CVK: [0x02, 10],
  DEK: [0x03, 10],
  MKAC: [0x04, 10],
  MKSMC: [0x05, 10],
  MKSMI: [0x06, 10],
  MKDAC: [0x07, 10],
  MKDN: [0x08, 10],
  MKCP: [0x09, 10],
  MKOTH: [0x0a, 10],
  KEK: [0x0b, 10],
  MAC16609: [0x0c, 10],
  MAC97971: [0x0d, 10],
  MAC97972: [0x0e, 10],
  MAC97973: [0x0f, 10],
  MAC97974: [0x10, 10],
  MAC97975: [0x11, 10],
  ZPK: [0x12, 10],
  PVKIBM: [0x13, 10],
  PVKPVV: [0x14, 10],
  PVKOTH: [0x15, 10],
  DUKPT: [0x16, 14],
  IV: [0x17, 14],
  TRKBK: [0x18, 14],
} as const satisfies VersionedTable;

export const DERIVATION_METHOD = {
  PBKDF2: [0x01, 10],
  HASH: [0x02, 10],
  HMAC: [0x03, 10],
  ENCRYPT: [0x04, 10],
  NIST800_108_C: [0x05, 10],
  NIST800_108_F: [0x06, 10],
  NIST800_108_DPI: [0x07, 10],
  AsymmetricKey: [0x08, 14],
  AWSSignatureVersion4: [0x09, 20],
  HKDF: [0x0a, 20],
} as const satisfies VersionedTable;

export const DIGITAL_SIGNATURE_ALGORITHM = {
  MD2WithRSAEncryptionPKCS_1V1_5: [0x01, 11],
  MD5WithRSAEncryptionPKCS_1V1_5: [0x02, 11],
  SHA_1WithRSAEncryptionPKCS_1V1_5: [0x03, 11],
  SHA_224WithRSAEncryptionPKCS_1V1_5: [0x04, 11],
  SHA_256WithRSAEncryptionPKCS_1V1_5: [0x05, 11],
  SHA_384WithRSAEncryptionPKCS_1V1_5: [0x06, 11],
  SHA_512WithRSAEncryptionPKCS_1V1_5: [0x07, 11],
  RSASSA_PSSPKCS_1V2_1: [0x08, 11],
  DSAWithSHA_1: [0x09, 11],
  DSAWithSHA224: [0x0a, 11],
  DSAWithSHA256: [0x0b, 11],
  ECDSAWithSHA_1: [0x0c, 11],
  ECDSAWithSHA224: [0x0d, 11],
  ECDSAWithSHA256: [0x0e, 11],
  ECDSAWithSHA384: [0x0f, 11],
  ECDSAWithSHA512: [0x10, 11],
  SHA3_256WithRSAEncryption: [0x11, 14],
  SHA3_384WithRSAEncryption: [0x12, 14],
  SHA3_512WithRSAEncryption: [0x13, 14],
} as const satisfies VersionedTable;

export const RNG_ALGORITHM = {
  Unspecified: [0x01, 13],
  FIPS186_2: [0x02, 13],
  DRBG: [0x03, 13],
  NRBG: [0x04, 13],
  ANSIX9_31: [0x05, 13],
  ANSIX9_62: [0x06, 13],
} as const satisfies VersionedTable;

export const DRBG_ALGORITHM = {
  Unspecified: [0x01, 13],
  Dual_EC: [0x02, 13],
  Hash: [0x03, 13],
  HMAC: [0x04, 13],
  CTR: [0x05, 13],
} as const satisfies VersionedTable;

export const FIPS186_VARIATION = {
  Unspecified: [0x01, 13],
  GPXOriginal: [0x02, 13],
  GPXChangeNotice: [0x03, 13],
  XOriginal: [0x04, 13],
  XChangeNotice: [0x05, 13],
  KOriginal: [0x06, 13],
  KChangeNotice: [0x07, 13],
} as const satisfies VersionedTable;

export const RNG_MODE = {
  Unspecified: [0x01, 13],
  SharedInstantiation: [0x02, 13],
  NonSharedInstantiation: [0x03, 13],
} as const satisfies VersionedTable;

export const SPLIT_KEY_METHOD = {
  XOR: [0x01, 10],
  PolynomialSharingGF216: [0x02, 10],
  PolynomialSharingPrimeField: [0x03, 10],
  PolynomialSharingGF28: [0x04, 12],
} as const satisfies VersionedTable;

export const SECRET_DATA_TYPE = {
  Password: [0x01, 10],
  Seed: [0x02, 10],
} as const satisfies VersionedTable;

export const NIST_KEY_TYPE = {
  PrivateSignatureKey: [0x01, 20],
  PublicSignatureVerificationKey: [0x02, 20],
  SymmetricAuthenticationKey: [0x03, 20],
  PrivateAuthenticationKey: [0x04, 20],
  PublicAuthenticationKey: [0x05, 20],
  SymmetricDataEncryptionKey: [0x06, 20],
  SymmetricKeyWrappingKey: [0x07, 20],
  SymmetricRandomNumberGenerationKey: [0x08, 20],
  SymmetricMasterKey: [0x09, 20],
  PrivateKeyTransportKey: [0x0a, 20],
  PublicKeyTransportKey: [0x0b, 20],
  SymmetricKeyAgreementKey: [0x0c, 20],
  PrivateStaticKeyAgreementKey: [0x0d, 20],
  PublicStaticKeyAgreementKey: [0x0e, 20],
  PrivateEphemeralKeyAgreementKey: [0x0f, 20],
  PublicEphemeralKeyAgreementKey: [0x10, 20],
  SymmetricAuthorizationKey: [0x11, 20],
  PrivateAuthorizationKey: [0x12, 20],
  PublicAuthorizationKey: [0x13, 20],
} as const satisfies VersionedTable;

export const UNWRAP_MODE = {
  Unspecified: [0x01, 13],
  Processed: [0x02, 13],
  NotProcessed: [0x03, 13],
} as const satisfies VersionedTable;

export const DESTROY_ACTION = {
  Unspecified: [0x01, 13],
  KeyMaterialDeleted: [0x02, 13],
  KeyMaterialShredded: [0x03, 13],
  MetaDataDeleted: [0x04, 13],
  MetaDataShredded: [0x05, 13],
  Deleted: [0x06, 13],
  Shredded: [0x07, 13],
} as const satisfies VersionedTable;

export const SHREDDING_ALGORITHM = {
  Unspecified: [0x01, 13],
  Cryptographic: [0x02, 13],
  Unsupported: [0x03, 13],
} as const satisfies VersionedTable;
