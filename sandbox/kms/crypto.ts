import { createCipheriv, createDecipheriv } from "node:crypto";

import { z } from "zod";

import { nonce } from "../random";

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Additional authenticated data: strings whose order matters. */
export type Aad = readonly string[];

/** Key material of one version of a root key. */
export interface Material {
  versionId: string;
  /** 16, 24 or 32 bytes. */
  bytes: Buffer;
}

const ciphertextSchema = z.object({
  ciphertext: z.string(),
  iv: z.string(),
  version: z.string(),
  handle: z.string(),
});

/**
 * Encodes additional authenticated data so that no two arrays give the same bytes: the number of strings, then
 * each one after its length (32 bits, big-endian). Joining them would make ["ab"] and ["a","b"] equal.
 */
export function encodeAad(aad: Aad): Buffer {
  const parts = aad.map((text) => Buffer.from(text, "utf8"));
  const length = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };

  return Buffer.concat([length(parts.length), ...parts.flatMap((part) => [length(part.length), part])]);
}

function algorithm(material: Buffer): "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" {
  if (material.length === 16) {
    return "aes-128-gcm";
  }
  return material.length === 24 ? "aes-192-gcm" : "aes-256-gcm";
}

/**
 * Wraps under one version of a root key: base64 of a JSON text `{ciphertext, iv, version, handle}`, the form of
 * Key Protect's own. The handle names the version; the ciphertext ends with the GCM tag.
 */
export function wrapWith(material: Material, plaintext: Uint8Array, aad: Aad): string {
  const iv = nonce(IV_BYTES);
  const cipher = createCipheriv(algorithm(material.bytes), material.bytes, iv);
  cipher.setAAD(encodeAad(aad));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);

  return Buffer.from(
    JSON.stringify({
      ciphertext: ciphertext.toString("base64"),
      iv: iv.toString("base64"),
      version: "4.0.0",
      handle: material.versionId,
    }),
    "utf8",
  ).toString("base64");
}

interface ParsedCiphertext {
  iv: Buffer;
  body: Buffer;
  tag: Buffer;
  handle: string;
}

function parseCiphertext(text: string): ParsedCiphertext | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(text, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
  const parsed = ciphertextSchema.safeParse(json);
  if (!parsed.success) {
    return undefined;
  }
  const iv = Buffer.from(parsed.data.iv, "base64");
  const bytes = Buffer.from(parsed.data.ciphertext, "base64");
  if (iv.length !== IV_BYTES || bytes.length < TAG_BYTES) {
    return undefined;
  }

  return {
    iv,
    body: bytes.subarray(0, bytes.length - TAG_BYTES),
    tag: bytes.subarray(bytes.length - TAG_BYTES),
    handle: parsed.data.handle,
  };
}

function openWith(material: Material, parsed: ParsedCiphertext, aad: Buffer): Buffer | undefined {
  const decipher = createDecipheriv(algorithm(material.bytes), material.bytes, parsed.iv);
  decipher.setAAD(aad);
  decipher.setAuthTag(parsed.tag);
  const opened = decipher.update(parsed.body);
  try {
    return Buffer.concat([opened, decipher.final()]);
  } catch {
    return undefined;
  } finally {
    opened.fill(0);
  }
}

/**
 * Unwraps with whichever of the versions opens the text, the one that its handle names first. The others are
 * tried as well, because root keys with the same imported material open each other's ciphertexts.
 *
 * @param open calls its second argument with the material of a version; not more versions than needed are opened
 * @returns the plaintext, which the caller zeroes, and the version; undefined if nothing opens it
 */
export function unwrapWith<V extends { id: string }>(
  versions: readonly V[],
  open: (version: V, use: (material: Material) => Buffer | undefined) => Buffer | undefined,
  ciphertext: string,
  aad: Aad,
): { plaintext: Buffer; versionId: string } | undefined {
  const parsed = parseCiphertext(ciphertext);
  if (!parsed) {
    return undefined;
  }
  const encodedAad = encodeAad(aad);
  const isNamed = (version: V): boolean => version.id === parsed.handle;
  const ordered = [...versions.filter(isNamed), ...versions.filter((version) => !isNamed(version))];
  for (const version of ordered) {
    const plaintext = open(version, (material) => openWith(material, parsed, encodedAad));
    if (plaintext) {
      return { plaintext, versionId: version.id };
    }
  }

  return undefined;
}

/**
 * Decodes standard base64 with its padding; undefined for anything else. `Buffer.from` alone would skip over
 * characters that do not belong.
 */
export function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    return undefined;
  }
  const bytes = Buffer.from(text, "base64");

  return bytes.toString("base64") === text ? bytes : undefined;
}
