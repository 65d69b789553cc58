import {
  constants,
  createDecipheriv,
  createPrivateKey,
  generateKeyPair,
  privateDecrypt,
  randomBytes,
  randomUUID,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";

import { z } from "zod";

import { SECOND, toStoredDate, toWireDate } from "../clock";
import type { SandboxResponse } from "../http/types";
import type { ImportTokenRecord } from "../store/model";
import { put } from "../store/store";
import type { Vault } from "../store/vault";
import { checkFields, type KmsCall, optionalJson, requireAction } from "./call";
import { decodeBase64 } from "./crypto";
import { invalidField, kmsError } from "./errors";

const WHAT = "Import token could not be created";
/** IBM documents no length. A longer key is made for seconds. */
const RSA_BITS = 3072;
const NONCE_BYTES = 16;
const GCM_TAG_BYTES = 16;

const generate = promisify(generateKeyPair);

const createSchema = z.object({
  expiration: z.number().int().min(300).max(86_400).default(600),
  maxAllowedRetrievals: z.number().int().min(1).max(500).default(1),
});

/** The digest of RSA-OAEP by the names of IBM's algorithms. */
const digests: Readonly<Record<string, string>> = {
  RSAES_OAEP_SHA_1: "sha1",
  RSAES_OAEP_SHA_256: "sha256",
};

function label(instanceId: string, id: string): string {
  return `import-token/${instanceId}/${id}`;
}

function metadata(token: ImportTokenRecord): Record<string, unknown> {
  return {
    id: token.id,
    creationDate: toWireDate(token.createdAt),
    expirationDate: toWireDate(token.expiresAt),
    expiration: token.expiration,
    maxAllowedRetrievals: token.maxAllowedRetrievals,
    remainingRetrievals: token.remainingRetrievals,
  };
}

/** `POST /import_token`: a new key pair for imports, in the place of the one before. */
export async function createImportToken(call: KmsCall): Promise<SandboxResponse> {
  requireAction(call, "import-token.create", call.keyRing);
  const { store, vault, clock } = call.context;
  const instanceId = call.instance.guid;
  const { expiration, maxAllowedRetrievals } = checkFields(createSchema, optionalJson(call) ?? {}, WHAT);
  const pair = await generate("rsa", { modulusLength: RSA_BITS });

  const id = randomUUID();
  const now = clock.now();
  const der = pair.privateKey.export({ type: "pkcs8", format: "der" });
  const token: ImportTokenRecord = {
    id,
    instanceId,
    privateKey: vault.seal(der, label(instanceId, id)),
    publicKeyPem: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
    nonce: randomBytes(NONCE_BYTES).toString("base64"),
    expiration,
    maxAllowedRetrievals,
    remainingRetrievals: maxAllowedRetrievals,
    createdAt: toStoredDate(now),
    expiresAt: toStoredDate(now + expiration * SECOND),
  };
  der.fill(0);
  store.commit(put("import-token", instanceId, token));

  return { status: 200, body: metadata(token) };
}

/** The instance's import token, while it is valid. */
function requireToken(call: KmsCall, what: string): ImportTokenRecord {
  const { store, clock } = call.context;
  const token = store.get("import-token", call.instance.guid);
  if (!token) {
    throw kmsError("IMPORT_TOKEN_NOT_FOUND_ERR", { what });
  }
  if (Date.parse(token.expiresAt) <= clock.now()) {
    throw kmsError("IMPORT_TOKEN_EXPIRED_ERR", { what });
  }

  return token;
}

/** `GET /import_token`: public key and nonce, as often as the token allows. */
export function getImportToken(call: KmsCall): SandboxResponse {
  requireAction(call, "import-token.read", call.keyRing);
  const what = "Import token could not be retrieved";
  const token = requireToken(call, what);
  if (token.remainingRetrievals < 1) {
    throw kmsError("IMPORT_TOKEN_EXPIRED_ERR", { what });
  }
  const retrieved = { ...token, remainingRetrievals: token.remainingRetrievals - 1 };
  call.context.store.commit(put("import-token", call.instance.guid, retrieved));

  return {
    status: 200,
    body: {
      ...metadata(retrieved),
      payload: Buffer.from(token.publicKeyPem, "utf8").toString("base64"),
      nonce: token.nonce,
    },
  };
}

function openPayload(
  vault: Vault,
  token: ImportTokenRecord,
  algorithm: string,
  payload: Buffer,
): Buffer | undefined {
  const der = vault.unseal(token.privateKey, label(token.instanceId, token.id));
  try {
    const key = createPrivateKey({ key: der, type: "pkcs8", format: "der" });
    return privateDecrypt(
      { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: digests[algorithm] },
      payload,
    );
  } catch {
    return undefined;
  } finally {
    der.fill(0);
  }
}

/**
 * The nonce that a client encrypted under its key material: with AES-GCM for Key Protect (the tag at the end), with
 * AES-CBC for HPCS, as IBM's Go client does. undefined if it does not open.
 */
function openNonce(call: KmsCall, material: Buffer, encrypted: Buffer, iv: Buffer): Buffer | undefined {
  const bits = material.length * 8;
  try {
    if (call.instance.serviceName === "hs-crypto") {
      const decipher = createDecipheriv(`aes-${bits}-cbc`, material, iv);
      return Buffer.concat([decipher.update(encrypted), decipher.final()]);
    }
    const end = encrypted.length - GCM_TAG_BYTES;
    const decipher = createDecipheriv(
      bits === 128 ? "aes-128-gcm" : bits === 192 ? "aes-192-gcm" : "aes-256-gcm",
      material,
      iv,
    );
    decipher.setAuthTag(encrypted.subarray(end));
    return Buffer.concat([decipher.update(encrypted.subarray(0, end)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/**
 * Opens the key material of an import with the instance's token, and makes sure by the nonce that the client knows
 * the material and means this token. The caller zeroes the result.
 */
export function openImport(
  call: KmsCall,
  input: { payload: string; encryptionAlgorithm: string; encryptedNonce: string; iv: string },
  what: string,
): Buffer {
  if (!Object.hasOwn(digests, input.encryptionAlgorithm)) {
    throw invalidField("encryptionAlgorithm", `One of ${Object.keys(digests).join(", ")}.`, what);
  }
  const payload = decodeBase64(input.payload);
  const encrypted = decodeBase64(input.encryptedNonce);
  const iv = decodeBase64(input.iv);
  if (!payload) {
    throw invalidField("payload", "The payload must be base64.", what);
  }
  if (!encrypted || encrypted.length <= GCM_TAG_BYTES - 1) {
    throw invalidField("encryptedNonce", "The encrypted nonce must be base64.", what);
  }
  if (iv?.length !== (call.instance.serviceName === "hs-crypto" ? 16 : 12)) {
    throw kmsError("INCORRECT_NONCE_IV_ERR", { what });
  }
  const token = requireToken(call, what);
  const material = openPayload(call.context.vault, token, input.encryptionAlgorithm, payload);
  if (!material) {
    throw invalidField("payload", "The payload does not open with the import token.", what);
  }
  if (![16, 24, 32].includes(material.length)) {
    material.fill(0);
    throw invalidField("payload", "The material of a root key has 16, 24 or 32 bytes.", what);
  }
  const nonce = openNonce(call, material, encrypted, iv);
  const expected = Buffer.from(token.nonce, "base64");
  if (nonce?.length !== expected.length || !timingSafeEqual(nonce, expected)) {
    material.fill(0);
    throw kmsError("INCORRECT_NONCE_ERR", { what });
  }

  return material;
}
