import { constants, createCipheriv, publicEncrypt, randomBytes } from "node:crypto";

import { describe, expect, test } from "vitest";
import { z } from "zod";

import {
  filesBelow,
  type Kms,
  kmsClient,
  manualClock,
  newKey,
  startSandbox,
  temporaryDir,
  wrapSchema,
} from "./support/harness";

const tokenSchema = z.object({
  payload: z.string(),
  nonce: z.string(),
  remainingRetrievals: z.number(),
  maxAllowedRetrievals: z.number(),
  creationDate: z.string(),
  expirationDate: z.string(),
});
type Token = z.infer<typeof tokenSchema>;

function gcm(key: Buffer, iv: Buffer, text: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, iv);

  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

function cbc(key: Buffer, iv: Buffer, text: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, iv);

  return Buffer.concat([cipher.update(text), cipher.final()]);
}

/** What a client sends to import key material: by AES-GCM for Key Protect, by AES-CBC for HPCS. */
function secureImport(token: Token, material: Buffer, mode: "gcm" | "cbc" = "gcm", oaepHash = "sha256") {
  const iv = randomBytes(mode === "gcm" ? 12 : 16);
  const nonce = Buffer.from(token.nonce, "base64");
  const encryptedNonce = mode === "gcm" ? gcm(material, iv, nonce) : cbc(material, iv, nonce);

  return {
    payload: publicEncrypt(
      {
        key: Buffer.from(token.payload, "base64").toString("utf8"),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash,
      },
      material,
    ).toString("base64"),
    encryptedNonce: encryptedNonce.toString("base64"),
    iv: iv.toString("base64"),
    encryptionAlgorithm: oaepHash === "sha1" ? "RSAES_OAEP_SHA_1" : "RSAES_OAEP_SHA_256",
  };
}

async function newToken(kms: Kms, body: unknown = {}): Promise<Token> {
  expect((await kms("POST", "/import_token", { body })).status).toBe(200);

  return tokenSchema.parse((await kms("GET", "/import_token")).json());
}

const create = (kms: Kms, fields: Record<string, unknown>) =>
  kms("POST", "/keys", { body: newKey({ name: "imported", extractable: false, ...fields }) });

describe("a secure import", () => {
  test.each<["keyProtect" | "hpcs", "gcm" | "cbc", string]>([
    ["keyProtect", "gcm", "sha256"],
    ["keyProtect", "gcm", "sha1"],
    ["hpcs", "cbc", "sha256"],
  ])("brings the very material in: %s, %s, %s", async (service, mode, hash) => {
    const dataDir = await temporaryDir();
    const sandbox = await startSandbox({ dataDir });
    const kms = await kmsClient(sandbox, { service });
    const token = await newToken(kms);
    const material = randomBytes(32);

    const made = await create(kms, secureImport(token, material, mode, hash));
    expect([made.status, made.key()]).toMatchObject([201, { imported: true, extractable: false }]);
    // A root key of the same material, imported in the open, unwraps what this one wrapped.
    const twin = (await create(kms, { payload: material.toString("base64") })).key();
    const wrap = await kms("POST", `/keys/${made.key().id}/actions/wrap`, { body: { aad: ["x"] } });
    const { ciphertext, plaintext } = wrapSchema.parse(wrap.json());
    const unwrap = await kms("POST", `/keys/${twin.id}/actions/unwrap`, { body: { ciphertext, aad: ["x"] } });
    expect(wrapSchema.parse(unwrap.json()).plaintext).toBe(plaintext);

    for (const { content } of await filesBelow(dataDir)) {
      expect(content.includes("PRIVATE KEY")).toBe(false);
      expect(content.includes(material)).toBe(false);
    }
  });

  test("rotates an imported key, too", async () => {
    const kms = await kmsClient(await startSandbox());
    const token = await newToken(kms);
    const { id } = (await create(kms, secureImport(token, randomBytes(32)))).key();

    expect((await kms("POST", `/keys/${id}/actions/rotate`)).code()).toBe("KEY_PAYLOAD_REQ_ERR");
    const rotated = await kms("POST", `/keys/${id}/actions/rotate`, {
      body: secureImport(token, randomBytes(32)),
    });
    expect(rotated.status).toBe(204);
    expect((await kms("GET", `/keys/${id}/versions`)).keys()).toHaveLength(2);
  });

  test("is refused if material, nonce or token are not those that belong together", async () => {
    const kms = await kmsClient(await startSandbox());
    const token = await newToken(kms);
    const good = secureImport(token, randomBytes(32));
    const other = secureImport(token, randomBytes(32));
    const code = async (fields: Record<string, unknown>) => {
      const answer = await create(kms, fields);
      return [answer.status, answer.code()];
    };

    expect(await code({ ...good, encryptedNonce: other.encryptedNonce, iv: other.iv })).toEqual([
      400,
      "INCORRECT_NONCE_ERR",
    ]);
    expect(await code({ ...good, iv: randomBytes(16).toString("base64") })).toEqual([
      400,
      "INCORRECT_NONCE_IV_ERR",
    ]);
    for (const fields of [
      { ...good, payload: randomBytes(512).toString("base64") },
      { ...good, payload: undefined },
      { ...good, iv: undefined },
      { ...good, encryptionAlgorithm: "ROT13" },
      { ...good, extractable: true },
      { ...secureImport(token, randomBytes(32), "gcm", "sha1"), encryptionAlgorithm: "RSAES_OAEP_SHA_256" },
    ]) {
      expect(await code(fields)).toEqual([400, "INVALID_FIELD_ERR"]);
    }
    await newToken(kms);
    expect(await code(good)).toEqual([400, "INVALID_FIELD_ERR"]);
  });

  test("is the only way in when the instance's policy says so", async () => {
    const kms = await kmsClient(await startSandbox());
    const token = await newToken(kms);
    const policy = {
      metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
      resources: [
        {
          policy_type: "keyCreateImportAccess",
          policy_data: { enabled: true, attributes: { enforce_token: true } },
        },
      ],
    };
    expect((await kms("PUT", "/instance/policies", { body: policy })).status).toBe(204);

    const open = await create(kms, { payload: randomBytes(32).toString("base64") });
    expect(open.code()).toBe("KEY_CREATE_IMPORT_ACCESS_ERR");
    expect((await create(kms, secureImport(token, randomBytes(32)))).status).toBe(201);
  });
});

describe("an import token", () => {
  test("is retrieved as often as it allows, and expires", async () => {
    const clock = manualClock();
    const kms = await kmsClient(await startSandbox({ clock }));
    const refused = async () => (await kms("GET", "/import_token")).code();

    expect(await refused()).toBe("IMPORT_TOKEN_NOT_FOUND_ERR");
    const token = await newToken(kms, { expiration: 300, maxAllowedRetrievals: 2 });
    expect(token).toMatchObject({
      remainingRetrievals: 1,
      maxAllowedRetrievals: 2,
      creationDate: "2026-03-01T00:00:00Z",
      expirationDate: "2026-03-01T00:05:00Z",
    });
    expect((await kms("GET", "/import_token")).status).toBe(200);
    expect(await refused()).toBe("IMPORT_TOKEN_EXPIRED_ERR");
    // Retrieved for the last time, its key still opens imports until it expires.
    const inTime = await create(kms, secureImport(token, randomBytes(32)));
    expect(inTime.status).toBe(201);
    clock.advance(300_000);
    const late = await create(kms, secureImport(token, randomBytes(32)));
    expect([late.status, late.code()]).toEqual([409, "IMPORT_TOKEN_EXPIRED_ERR"]);
  });

  test("has bounds, and is for those who may create keys", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const viewer = await kmsClient(sandbox, { as: "viewerOnly" });

    for (const body of [{ expiration: 299 }, { expiration: 86_401 }, { maxAllowedRetrievals: 501 }]) {
      expect((await kms("POST", "/import_token", { body })).code()).toBe("INVALID_FIELD_ERR");
    }
    expect((await viewer("POST", "/import_token")).status).toBe(401);
    expect((await viewer("GET", "/import_token")).status).toBe(401);
  });
});
