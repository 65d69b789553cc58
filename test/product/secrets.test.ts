import { createCipheriv, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import type { ClientAttribute } from "@/lib/kmip/client/client";
import { textIn } from "@/lib/kmip/client/responses";
import {
  BlockCipherMode,
  CryptographicUsageMask,
  EncodingOption,
  KeyWrapType,
  Operation,
  PaddingMethod,
  State,
  WrappingMethod,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, encodeTtlv, enumeration, structure, text } from "@/lib/kmip/ttlv";
import { on, registerKey, usageMask } from "../kmip/payloads";
import { cli } from "../support/product";
import { type House, openHouse, orderInstance } from "./support";

const product = inject("product");
const house: House = await openHouse(product);

const NIST_KEY_WRAP: ClientAttribute = {
  name: "Cryptographic Parameters",
  value: {
    t: "structure",
    v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: BlockCipherMode.NISTKeyWrap } }],
  },
};

/** Every form in which somebody may have written bytes down. */
function formsOf(secret: Buffer): Buffer[] {
  const base64 = secret.toString("base64");

  return [
    secret,
    ...[
      secret.toString("hex"),
      secret.toString("hex").toUpperCase(),
      base64,
      base64.replace(/=+$/, ""),
      secret.toString("base64url"),
    ].map((text) => Buffer.from(text)),
  ];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);

    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** Every row of every table as text and as bytes. */
async function dumpDatabase(): Promise<Buffer> {
  const { stdout } = await cli(product, "database", "url");
  const client = new pg.Client({ connectionString: stdout.trim() });

  await client.connect();

  try {
    // What is only in shared buffers reaches the files as well.
    await client.query("CHECKPOINT");

    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'",
    );
    const parts: Buffer[] = [];

    for (const { name } of tables) {
      const { rows } = await client.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`);

      for (const { line } of rows) {
        parts.push(Buffer.from(`${line}\n`));
        // bytea columns show as \x…: look at their bytes too.
        parts.push(
          ...[...line.matchAll(/\\\\?x([0-9a-f]{2,})/g)].map((match) => Buffer.from(match[1] ?? "", "hex")),
        );
      }
    }

    return Buffer.concat(parts);
  } finally {
    await client.end();
  }
}

describe("secrets at rest", () => {
  it("are in no table, no log and no file of DATA_DIR", async () => {
    const instance = await orderInstance(house, {
      cachePolicy: { cacheTtlSeconds: 600, outageGraceSeconds: 600 },
    });
    const client = instance.client(1, { version: "1.4" });
    const secrets: { what: string; bytes: Buffer }[] = [
      { what: "the service ID's API key", bytes: Buffer.from(house.access.manager.apiKey) },
      { what: "the other API key", bytes: Buffer.from(house.access.viewerOnly.apiKey) },
      { what: "the administrator's password", bytes: Buffer.from(product.admin.password) },
    ];

    for (let index = 0; index < 5; index += 1) {
      const identifier = await client.create({ name: `kek ${index}` });

      await client.activate(identifier);
      secrets.push({ what: `KEK ${index}`, bytes: Buffer.from((await client.get(identifier)).material) });
    }

    // Bytes that clients bring: plain, wrapped under another key of theirs, and as data to be encrypted.
    const [kek, key, data, password] = [32, 16, 32, 24].map((length) => randomBytes(length)) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const mask = CryptographicUsageMask;
    const wrapper = await client.request(
      registerKey(kek, [usageMask(mask.UnwrapKey | mask.WrapKey), NIST_KEY_WRAP], { length: 256 }),
    );
    const kekId = textIn(wrapper, Tag.UniqueIdentifier) ?? "";

    await client.activate(kekId);

    const wrap = createCipheriv("id-aes256-wrap", kek, Buffer.alloc(8, 0xa6));
    const wrapped = Buffer.concat([wrap.update(key), wrap.final()]);
    const brought = await client.request(
      registerKey(wrapped, [usageMask(mask.Encrypt | mask.Decrypt)], {
        value: bytes(Tag.KeyValue, wrapped),
        length: 128,
        extra: [
          structure(Tag.KeyWrappingData, [
            enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
            structure(Tag.EncryptionKeyInformation, [text(Tag.UniqueIdentifier, kekId)]),
            enumeration(Tag.EncodingOption, EncodingOption.NoEncoding),
          ]),
        ],
      }),
    );
    const broughtId = textIn(brought, Tag.UniqueIdentifier) ?? "";
    const unwrapped = await client.request(
      on(Operation.Get, broughtId, [enumeration(Tag.KeyWrapType, KeyWrapType.NotWrapped)]),
    );

    expect(encodeTtlv(structure(Tag.ResponsePayload, unwrapped)).includes(key)).toBe(true);

    const cipher = await client.request(
      registerKey(data, [usageMask(mask.Encrypt | mask.Decrypt)], { length: 256 }),
    );
    const cipherId = textIn(cipher, Tag.UniqueIdentifier) ?? "";

    await client.activate(cipherId);
    await client.request(
      on(Operation.Encrypt, cipherId, [
        structure(Tag.CryptographicParameters, [
          enumeration(Tag.BlockCipherMode, BlockCipherMode.CBC),
          enumeration(Tag.PaddingMethod, PaddingMethod.PKCS5),
        ]),
        bytes(Tag.Data, password),
        bytes(Tag.IVCounterNonce, Buffer.alloc(16)),
      ]),
    );
    // Refused: for an attribute that a client may not set, and for a length that does not fit.
    const state: ClientAttribute = { name: "State", value: { t: "enumeration", v: State.Active } };

    await expect(
      client.request(registerKey(password, [usageMask(12), state], { length: 192 })),
    ).rejects.toThrow();
    await expect(client.request(registerKey(password, [usageMask(12)], { length: 128 }))).rejects.toThrow();
    secrets.push(
      { what: "a registered key", bytes: kek },
      { what: "a key that was registered wrapped", bytes: key },
      { what: "a cipher's key", bytes: data },
      { what: "data that was encrypted, and bytes of refused objects", bytes: password },
    );

    // Failures are where secrets slip into logs.
    await house.api("POST", "/key-managers/validate", {
      kind: "key-protect",
      apiKey: house.access.viewerOnly.apiKey,
      keyManagerCrn: house.access.keyProtect.crn,
      crkId: house.access.keyProtect.rootKeys[0]?.id,
    });
    await house.api("POST", "/instances", { name: 5, keyManager: { apiKey: house.access.manager.apiKey } });
    await house.api("POST", `/instances/${instance.id}/client-certificates`, {
      name: "with key",
      pem: `${instance.certificate.certPem}${instance.certificate.keyPem}`,
    });
    secrets.push({
      what: "a client's private key",
      bytes: Buffer.from(instance.certificate.keyPem.split("\n").slice(2, 6).join("\n")),
    });
    client.close();

    const token = await cli(product, "token", "create", "--role", "viewer", "--name", "searched for");

    secrets.push({ what: "an API token", bytes: Buffer.from(token.stdout.trim()) });

    const database = await dumpDatabase();
    const files = filesBelow(product.dataDir);
    const places = [
      { path: "database", content: database },
      ...files.map((path) => ({ path, content: readFileSync(path) })),
    ];

    // The search finds what is there: the KEKs' names are in the database, in its files, and in the sandbox's.
    expect(database.includes(instance.name)).toBe(true);
    expect(files.some((path) => path.includes("/postgres/") && statSync(path).size > 0)).toBe(true);
    expect(files.filter((path) => path.includes("/logs/")).length).toBeGreaterThanOrEqual(5);

    const found = secrets.flatMap(({ what, bytes }) =>
      formsOf(bytes).flatMap((form) =>
        places.filter(({ content }) => content.includes(form)).map(({ path }) => `${what} in ${path}`),
      ),
    );

    expect(found).toEqual([]);
  });
});
