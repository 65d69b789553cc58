/**
 * What is used of PKCS#11 (version 2.40), and of the package that speaks it. The package is compiled when it is
 * installed and is optional: its types are written here, so that a deployment without it builds as well.
 */

export type Handle = Buffer;
type Attribute = { readonly type: number; readonly value: Buffer };
export type Template = readonly {
  readonly type: number;
  readonly value?: Buffer | string | number | boolean;
}[];
export type Mechanism = { readonly mechanism: number; readonly parameter?: unknown };

type TokenInfo = {
  readonly label: string;
  readonly manufacturerID: string;
  readonly model: string;
  readonly serialNumber: string;
  readonly flags: number;
};

/** A loaded module. Every call blocks until the token has answered. */
export interface Cryptoki {
  load(path: string): void;
  C_Initialize(): void;
  C_Finalize(): void;
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): TokenInfo;
  C_GetMechanismList(slot: Handle): number[];
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseAllSessions(slot: Handle): void;
  C_GetSessionInfo(session: Handle): { readonly state: number };
  C_Login(session: Handle, userType: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: Template): void;
  C_FindObjects(session: Handle, count: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: Template): Attribute[];
  C_CreateObject(session: Handle, template: Template): Handle;
  C_DestroyObject(session: Handle, object: Handle): void;
  C_GenerateKey(session: Handle, mechanism: Mechanism, template: Template): Handle;
  C_GenerateRandom(session: Handle, buffer: Buffer): Buffer;
  C_EncryptInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_Encrypt(session: Handle, input: Buffer, output: Buffer): Buffer;
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_Sign(session: Handle, input: Buffer, output: Buffer): Buffer;
  C_DecryptInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_Decrypt(session: Handle, input: Buffer, output: Buffer): Buffer;
}

/** Attributes (CKA_). */
export const CKA = {
  CLASS: 0x0,
  TOKEN: 0x1,
  PRIVATE: 0x2,
  LABEL: 0x3,
  APPLICATION: 0x10,
  VALUE: 0x11,
  OBJECT_ID: 0x12,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  SIGN: 0x108,
  VALUE_LEN: 0x161,
  EXTRACTABLE: 0x162,
  MODIFIABLE: 0x170,
} as const;

/** Object classes (CKO_). */
export const CKO = { DATA: 0x0, SECRET_KEY: 0x4 } as const;

export const CKK_AES = 0x1f;
export const CKK_GENERIC_SECRET = 0x10;

/** Mechanisms (CKM_). */
export const CKM = {
  AES_KEY_GEN: 0x1080,
  AES_GCM: 0x1087,
  GENERIC_SECRET_KEY_GEN: 0x350,
  SHA256_HMAC: 0x251,
} as const;

export const CKU_USER = 1;

/** Session flags: read and write, serial (all sessions are). */
export const SESSION_FLAGS = 0x2 | 0x4;

/** CKS_RO_USER_FUNCTIONS and CKS_RW_USER_FUNCTIONS: the states in which private objects are visible. */
export const USER_STATES: readonly number[] = [1, 3];

/** Flags of a token (CKF_). */
export const CKF = {
  WRITE_PROTECTED: 0x2,
  USER_PIN_INITIALIZED: 0x8,
  TOKEN_INITIALIZED: 0x400,
  USER_PIN_FINAL_TRY: 0x20000,
  USER_PIN_LOCKED: 0x40000,
} as const;

/** The package's number for CK_GCM_PARAMS as version 2.40 has it (with the length of the IV in bits). */
const GCM_PARAMS = 7;

/** AES-GCM with a 96-bit IV and a 128-bit tag (PKCS#11 current mechanisms 2.40, 2.12.3). */
export function gcm(iv: Buffer, aad: Buffer): Mechanism {
  return {
    mechanism: CKM.AES_GCM,
    parameter: { type: GCM_PARAMS, iv, ivBits: iv.length * 8, aad, tagBits: 128 },
  };
}
