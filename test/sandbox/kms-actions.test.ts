import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decodeBase64, encodeAad, type Material, unwrapWith, wrapWith } from "../../sandbox/kms/crypto";
import { type Kms, kmsClient, manualClock, newKey, startSandbox, wrapSchema } from "./support/harness";

/** Unwraps with material that is at hand. */
function unwrapBy(materials: readonly Material[], ciphertext: string, aad: readonly string[]) {
  const versions = materials.map((material) => ({ id: material.versionId, material }));

  return unwrapWith(versions, ({ material }, use) => use(material), ciphertext, aad);
}

const MINUTE = 60_000;

async function newRootKey(kms: Kms, resource: Record<string, unknown> = {}): Promise<string> {
  return (
    await kms("POST", "/keys", { body: newKey({ name: "root", extractable: false, ...resource }) })
  ).key().id;
}

const aadArbitrary = fc.array(fc.string({ maxLength: 40 }), { maxLength: 5 });
const materialArbitrary = fc
  .constantFrom(16, 24, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
  .map((bytes) => Buffer.from(bytes));

describe("wrapping", () => {
  test("what is wrapped is unwrapped with the same key and AAD, and with no other", () => {
    fc.assert(
      fc.property(
        materialArbitrary,
        materialArbitrary,
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        aadArbitrary,
        aadArbitrary,
        (bytes, otherBytes, plaintext, aad, otherAad) => {
          const material = { versionId: "v1", bytes };
          const other = { versionId: "v1", bytes: otherBytes };
          const ciphertext = wrapWith(material, plaintext, aad);

          const opened = unwrapBy([other, material], ciphertext, aad);
          expect(opened?.plaintext.equals(plaintext)).toBe(true);
          const sameAad = JSON.stringify(aad) === JSON.stringify(otherAad);
          expect(unwrapBy([material], ciphertext, otherAad) !== undefined).toBe(sameAad);
          expect(unwrapBy([other], ciphertext, aad) !== undefined).toBe(bytes.equals(otherBytes));
        },
      ),
    );
  });

  test("no two arrays of AAD have one encoding", () => {
    fc.assert(
      fc.property(aadArbitrary, aadArbitrary, (a, b) => {
        // Text that is no valid Unicode has no bytes of its own and cannot come in JSON over UTF-8.
        fc.pre([...a, ...b].every((text) => Buffer.from(text).toString() === text));
        expect(encodeAad(a).equals(encodeAad(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test("a ciphertext that was changed anywhere does not open", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const material = { versionId: "v1", bytes: Buffer.alloc(32, 9) };
        const ciphertext = JSON.parse(
          Buffer.from(wrapWith(material, Buffer.from("plaintext"), ["a"]), "base64").toString(),
        );
        const bytes = Buffer.from(ciphertext.ciphertext, "base64");
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ mask;
        const changed = { ...ciphertext, ciphertext: bytes.toString("base64") };

        const text = Buffer.from(JSON.stringify(changed)).toString("base64");
        expect(unwrapBy([material], text, ["a"])).toBeUndefined();
      }),
    );
  });

  test("text that is no ciphertext is refused, whatever it is", () => {
    const material = { versionId: "v1", bytes: Buffer.alloc(32, 9) };
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.base64String()), (text) => {
        expect(unwrapBy([material], text, [])).toBeUndefined();
        expect(unwrapBy([material], Buffer.from(text).toString("base64"), [])).toBeUndefined();
      }),
    );
  });

  test("base64 is decoded strictly", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeBase64(Buffer.from(bytes).toString("base64"))?.equals(bytes)).toBe(true);
      }),
    );
    for (const text of ["a", "YQ", "YR==", "Y-Q=", "YQ==\n", "=YQ="]) {
      expect(decodeBase64(text)).toBeUndefined();
    }
  });

  test("the ciphertext is a JSON text in base64 with the version as its handle", async () => {
    const kms = await kmsClient(await startSandbox());
    const id = await newRootKey(kms);

    const answer = wrapSchema.parse((await kms("POST", `/keys/${id}/actions/wrap`, { body: {} })).json());

    const parsed = JSON.parse(Buffer.from(answer.ciphertext ?? "", "base64").toString());
    expect(Object.keys(parsed)).toEqual(["ciphertext", "iv", "version", "handle"]);
    expect(Buffer.from(parsed.iv, "base64")).toHaveLength(12);
    expect(parsed).toMatchObject({ version: "4.0.0", handle: answer.keyVersion.id });
  });

  test("keys imported with one material open each other's ciphertexts; others do not", async () => {
    const kms = await kmsClient(await startSandbox());
    const payload = Buffer.alloc(32, 5).toString("base64");
    const [one, two, three] = [
      await newRootKey(kms, { payload }),
      await newRootKey(kms, { payload }),
      await newRootKey(kms),
    ];
    const { plaintext, ciphertext } = wrapSchema.parse(
      (await kms("POST", `/keys/${one}/actions/wrap`)).json(),
    );

    const opened = await kms("POST", `/keys/${two}/actions/unwrap`, { body: { ciphertext } });
    const refused = await kms("POST", `/keys/${three}/actions/unwrap`, { body: { ciphertext } });

    expect(wrapSchema.parse(opened.json()).plaintext).toBe(plaintext);
    expect([refused.status, refused.code()]).toEqual([422, "UNPROCESSABLE_CIPHERTEXT_ERR"]);
  });

  test("a key made after the HPCS instance's wraps with the same API", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox, { service: "hpcs" });
    const id = sandbox.credentials().hpcs.rootKeys[0]?.id;

    const wrapped = wrapSchema.parse(
      (await kms("POST", `/keys/${id}/actions/wrap`, { body: { aad: ["i", "u"] } })).json(),
    );
    const body = { ciphertext: wrapped.ciphertext, aad: ["i", "u"] };
    const unwrapped = await kms("POST", `/keys/${id}?action=unwrap`, { body });

    expect(wrapSchema.parse(unwrapped.json()).plaintext).toBe(wrapped.plaintext);
    expect((await kms("GET", "/keys")).keys()[0]?.crn).toContain(":hs-crypto:us-south:");
  });
});

describe("refusals", () => {
  test.each([
    ["wrap", { plaintext: "not base64!" }, 400, "INVALID_FIELD_ERR"],
    ["wrap", { plaintext: "" }, 400, "INVALID_FIELD_ERR"],
    ["wrap", { aad: "text" }, 400, "INVALID_FIELD_ERR"],
    ["wrap", { aad: ["x".repeat(256)] }, 400, "INVALID_FIELD_ERR"],
    ["wrap", { aad: Array(256).fill("x") }, 400, "INVALID_FIELD_ERR"],
    ["unwrap", undefined, 400, "NO_BODY_ERR"],
    ["unwrap", {}, 400, "INVALID_FIELD_ERR"],
    ["unwrap", { ciphertext: "bm90IG91cnM=" }, 422, "UNPROCESSABLE_CIPHERTEXT_ERR"],
    ["rewrap", { ciphertext: "bm90IG91cnM=" }, 422, "UNPROCESSABLE_CIPHERTEXT_ERR"],
    ["rotate", { payload: Buffer.alloc(32).toString("base64") }, 400, "INVALID_FIELD_ERR"],
    ["enable", undefined, 409, "KEY_ACTION_INVALID_STATE_ERR"],
    ["setKeyForDeletion", undefined, 409, "NOT_DUAL_AUTH_ERR"],
    ["explode", undefined, 400, "INVALID_QUERY_PARAM_ERR"],
  ])("%s with %j", async (action, body, status, code) => {
    const kms = await kmsClient(await startSandbox());

    const answer = await kms("POST", `/keys/${await newRootKey(kms)}/actions/${action}`, { body });

    expect([answer.status, answer.code()]).toEqual([status, code]);
  });

  test("a standard key does what only root keys do with none", async () => {
    const kms = await kmsClient(await startSandbox());
    const { id } = (
      await kms("POST", "/keys", { body: newKey({ name: "standard", extractable: true }) })
    ).key();

    for (const action of ["wrap", "unwrap", "rewrap", "rotate", "disable", "enable"]) {
      expect((await kms("POST", `/keys/${id}/actions/${action}`, { body: {} })).code()).toBe(
        "KEY_ROOT_REQ_ERR",
      );
    }
  });

  test("an imported key is rotated with new material only", async () => {
    const kms = await kmsClient(await startSandbox());
    const payload = (fill: number) => Buffer.alloc(32, fill).toString("base64");
    const id = await newRootKey(kms, { payload: payload(1) });

    expect((await kms("POST", `/keys/${id}/actions/rotate`)).code()).toBe("KEY_PAYLOAD_REQ_ERR");
    expect((await kms("POST", `/keys/${id}/actions/rotate`, { body: { payload: payload(2) } })).status).toBe(
      204,
    );
    expect((await kms("GET", `/keys/${id}/versions?totalCount=true&allKeyStates=true`)).json()).toMatchObject(
      {
        metadata: { collectionTotal: 2, totalCount: 2 },
        resources: [{ state: 1 }, { state: 3 }],
      },
    );
  });

  test("an expired key unwraps and does not wrap", async () => {
    const clock = manualClock();
    const kms = await kmsClient(await startSandbox({ clock }));
    const id = await newRootKey(kms, { expirationDate: "2026-03-01T00:10:00Z" });
    const { ciphertext } = wrapSchema.parse((await kms("POST", `/keys/${id}/actions/wrap`)).json());

    clock.advance(11 * MINUTE);

    expect((await kms("GET", `/keys/${id}/metadata`)).key().state).toBe(3);
    expect((await kms("POST", `/keys/${id}/actions/wrap`)).code()).toBe("KEY_EXPIRED_ERR");
    expect((await kms("POST", `/keys/${id}/actions/unwrap`, { body: { ciphertext } })).status).toBe(200);
  });
});

describe("waits of the real services", () => {
  test("relaxed by default", async () => {
    const kms = await kmsClient(await startSandbox());
    const id = await newRootKey(kms);

    for (const action of ["rotate", "rotate", "disable", "enable", "sync", "sync"]) {
      expect((await kms("POST", `/keys/${id}/actions/${action}`)).status).toBe(204);
    }
    expect((await kms("DELETE", `/keys/${id}`)).status).toBe(204);
    expect((await kms("POST", `/keys/${id}/restore`)).status).toBe(201);
  });

  test("enforced when asked for", async () => {
    const clock = manualClock();
    const sandbox = await startSandbox({ clock, relaxedWaits: false });
    const id = await newRootKey(await kmsClient(sandbox));
    // A new token each time: the clock moves further than one lasts.
    const act = async (method: string, path: string) => {
      const kms = await kmsClient(sandbox);
      const answer = await kms(method, `/keys/${id}${path}`);
      return answer.status < 300 ? answer.status : answer.code();
    };

    expect(await act("POST", "/actions/rotate")).toBe(204);
    clock.advance(59 * MINUTE);
    expect(await act("POST", "/actions/rotate")).toBe("KEY_ROTATION_NOT_PERMITTED");
    clock.advance(MINUTE);
    expect(await act("POST", "/actions/rotate")).toBe(204);

    expect(await act("POST", "/actions/disable")).toBe(204);
    clock.advance(29_000);
    expect(await act("POST", "/actions/enable")).toBe("REQ_TOO_EARLY_ERR");
    clock.advance(1_000);
    expect(await act("POST", "/actions/enable")).toBe(204);

    expect(await act("DELETE", "")).toBe(204);
    expect(await act("POST", "/restore")).toBe("REQ_TOO_EARLY_ERR");
    clock.advance(30_000);
    expect(await act("POST", "/restore")).toBe(201);
    expect(await act("DELETE", "")).toBe(204);
    clock.advance(31 * 24 * 60 * MINUTE);
    expect(await act("POST", "/restore")).toBe("KEY_RESTORE_EXPIRED");
  });
});
