import { randomBytes, randomUUID } from "node:crypto";
import { rename } from "node:fs/promises";
import { inspect } from "node:util";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { Secret } from "@/lib/ibm-cloud/secret";
import { KeyManagerError } from "@/lib/key-managers/key-manager";
import { createPkcs11, type Pkcs11 } from "@/lib/key-managers/pkcs11/adapter";
import { closeTokenProcesses, listModuleTokens } from "@/lib/key-managers/pkcs11/token-processes";
import { call, hasSoftHsm, softHsmForTests, softhsm, type TestToken } from "./support/softhsm";
import { administerToken } from "./support/token-administrator";

async function failure(promise: Promise<unknown>): Promise<KeyManagerError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );

  if (!(error instanceof KeyManagerError)) {
    throw new Error(`It did not fail as expected: ${inspect(error)}`);
  }

  return error;
}

describe.skipIf(!hasSoftHsm)("PKCS#11 key manager with SoftHSM", () => {
  const hsm = softHsmForTests();
  const aad = ["instance", "identifier"];
  let token: TestToken;
  let keyManager: Pkcs11;

  beforeAll(async () => {
    token = await hsm.makeToken("kmip");
    keyManager = token.connect();
    await keyManager.generateRootKey("crk", call);
  });

  describe("wrap and unwrap", () => {
    it("gives back what was wrapped, and never the same bytes twice", async () => {
      const kek = randomBytes(32);
      const first = await keyManager.wrap("crk", kek, aad, call);
      const second = await keyManager.wrap("crk", kek, aad, call);

      expect(first.crkVersion).toBe("01");
      expect(Buffer.from(first.bytes).equals(Buffer.from(second.bytes))).toBe(false);
      expect(Buffer.from(first.bytes).includes(kek)).toBe(false);

      for (const { bytes } of [first, second]) {
        const { plaintext, crkVersion, rewrapped } = await keyManager.unwrap("crk", bytes, aad, call);
        expect(Buffer.from(plaintext).equals(kek)).toBe(true);
        expect({ crkVersion, rewrapped }).toEqual({ crkVersion: "01", rewrapped: undefined });
      }
    });

    it("takes 7,500 bytes, and one", async () => {
      for (const size of [1, 7_500]) {
        const key = randomBytes(size);
        const { bytes } = await keyManager.wrap("crk", key, aad, call);
        expect(Buffer.from((await keyManager.unwrap("crk", bytes, aad, call)).plaintext).equals(key)).toBe(
          true,
        );
      }
    });

    it.each([
      ["other texts", ["instance", "other"]],
      ["another order", ["identifier", "instance"]],
      ["one text fewer", ["instance"]],
      ["the texts as one", ["instanceidentifier"]],
      ["none", []],
    ])("refuses another AAD: %s", async (_, other) => {
      const { bytes } = await keyManager.wrap("crk", randomBytes(32), aad, call);

      expect((await failure(keyManager.unwrap("crk", bytes, other, call))).failure).toBe("ciphertext");
    });

    it("refuses bytes with any bit changed, cut or strange", async () => {
      const { bytes } = await keyManager.wrap("crk", randomBytes(32), aad, call);

      for (let index = 0; index < bytes.length; index += 1) {
        const changed = Buffer.from(bytes);
        changed[index] = (changed[index] ?? 0) ^ 1;
        // A changed version names a key that is not there.
        expect(["ciphertext", "notFound"]).toContain(
          (await failure(keyManager.unwrap("crk", changed, aad, call))).failure,
        );
      }

      for (const strange of [Buffer.alloc(0), Buffer.from(bytes).subarray(0, -1), randomBytes(61)]) {
        expect((await failure(keyManager.unwrap("crk", strange, aad, call))).failure).toBe("ciphertext");
      }
    });

    it("says that there is no such root key", async () => {
      expect((await failure(keyManager.wrap("nobody", randomBytes(32), aad, call))).failure).toBe("notFound");
      expect((await failure(keyManager.getRootKey("nobody", call))).failure).toBe("notFound");
    });
  });

  describe("versions and states", () => {
    it("unwraps under the old version after a rotation, and hands over the new wrap", async () => {
      await keyManager.generateRootKey("rotated", call);
      const kek = randomBytes(32);
      const old = await keyManager.wrap("rotated", kek, aad, call);
      expect(await keyManager.generateRootKey("rotated", call)).toEqual({ version: "02" });

      const { plaintext, crkVersion, rewrapped } = await keyManager.unwrap("rotated", old.bytes, aad, call);
      expect(Buffer.from(plaintext).equals(kek)).toBe(true);
      expect([crkVersion, rewrapped?.crkVersion]).toEqual(["01", "02"]);

      const again = await keyManager.unwrap("rotated", rewrapped?.bytes ?? new Uint8Array(), aad, call);
      expect(Buffer.from(again.plaintext).equals(kek)).toBe(true);
      expect([again.crkVersion, again.rewrapped]).toEqual(["02", undefined]);
      expect(await keyManager.getRootKey("rotated", call)).toMatchObject({
        versions: 2,
        currentVersion: "02",
      });
    });

    it("unwraps what another process wrapped under a version that it made a moment ago", async () => {
      await keyManager.generateRootKey("shared", call);
      const kek = randomBytes(32);
      await keyManager.wrap("shared", kek, aad, call);
      // Another name of the module is another process.
      const other = createPkcs11({
        uri: token.uri.replace("=softhsm", "=other"),
        pin: new Secret(token.pin),
        modules: [{ ...softhsm, name: "other" }],
      });
      await other.rotateRootKey?.("shared", call);
      const { bytes, crkVersion } = await other.wrap("shared", kek, aad, call);

      expect(crkVersion).toBe("02");
      expect(Buffer.from((await keyManager.unwrap("shared", bytes, aad, call)).plaintext).equals(kek)).toBe(
        true,
      );
    });

    it("rotates only a root key that is there and may wrap", async () => {
      expect((await failure(keyManager.rotateRootKey?.("nobody", call) ?? Promise.resolve())).failure).toBe(
        "notFound",
      );
      expect((await failure(keyManager.getRootKey("nobody", call))).failure).toBe("notFound");
    });

    it("follows what an administrator allows the key in the token", async () => {
      await keyManager.generateRootKey("governed", call);
      const { bytes } = await keyManager.wrap("governed", randomBytes(32), aad, call);
      const state = async () => (await keyManager.getRootKey("governed", call)).state;

      await administerToken(token, { setKey: "governed", encrypt: false, decrypt: false });
      expect(await state()).toBe("suspended");
      expect((await failure(keyManager.wrap("governed", randomBytes(32), aad, call))).failure).toBe(
        "keyState",
      );
      expect((await failure(keyManager.unwrap("governed", bytes, aad, call))).failure).toBe("keyState");

      await administerToken(token, { setKey: "governed", encrypt: false, decrypt: true });
      expect(await state()).toBe("deactivated");
      expect((await failure(keyManager.wrap("governed", randomBytes(32), aad, call))).failure).toBe(
        "keyState",
      );
      expect((await keyManager.unwrap("governed", bytes, aad, call)).plaintext).toHaveLength(32);
      expect((await failure(keyManager.unwrap("governed", bytes, ["x"], call))).failure).toBe("ciphertext");

      await administerToken(token, { setKey: "governed", encrypt: true, decrypt: true });
      expect(await state()).toBe("active");
      expect((await keyManager.unwrap("governed", bytes, aad, call)).plaintext).toHaveLength(32);
    });

    it("says that a root key was deleted in the token", async () => {
      await keyManager.generateRootKey("deleted", call);
      const { bytes } = await keyManager.wrap("deleted", randomBytes(32), aad, call);
      await administerToken(token, { deleteKey: "deleted" });

      expect((await failure(keyManager.unwrap("deleted", bytes, aad, call))).failure).toBe("notFound");
      expect((await failure(keyManager.getRootKey("deleted", call))).failure).toBe("notFound");
    });

    it("lists root keys alone, a page at a time, and takes no key that can be read", async () => {
      await administerToken(token, { makeReadableKey: "readable" });
      await administerToken(token, { makeShortKey: "short" });
      const seen: string[] = [];

      for (let cursor: string | undefined; ; ) {
        const page = await keyManager.listRootKeys({ limit: 1, ...(cursor ? { cursor } : {}) }, call);
        seen.push(...page.items.map(({ name }) => name));
        expect(page.items.length).toBeLessThanOrEqual(1);

        if (page.nextCursor === null) {
          break;
        }
        cursor = page.nextCursor;
      }

      expect(seen).toEqual(["crk", "governed", "rotated", "shared"]);
      expect((await keyManager.listRootKeys({ search: "ROT" }, call)).items).toMatchObject([
        { id: "rotated", algorithm: "AES-256", versions: 2 },
      ]);
      expect(await failure(keyManager.listRootKeys({ cursor: "x" }, call))).toMatchObject({
        code: "INVALID_CURSOR",
      });

      for (const name of ["readable", "short"]) {
        expect((await failure(keyManager.getRootKey(name, call))).code).toBe("NOT_A_ROOT_KEY");
        expect((await failure(keyManager.wrap(name, randomBytes(32), aad, call))).code).toBe(
          "NOT_A_ROOT_KEY",
        );
      }
    });
  });

  describe("standard keys", () => {
    const store = (name: string, description = "instance A") =>
      keyManager.createStandardKey({ name, description, payload: Buffer.from(`payload of ${name}`) }, call);

    it("stores, finds by exact name and description, reads and deletes", async () => {
      const name = randomUUID();
      const { id } = await store(name);
      const twin = await store(name);
      await store(name, "instance B");
      await store(`${name}x`);

      const found = await keyManager.findStandardKeys({ name, description: "instance A" }, call);
      expect(found.map((key) => key.id).sort()).toEqual([id, twin.id].sort());

      const key = await keyManager.getStandardKey(id, call);
      expect({ ...key, payload: Buffer.from(key.payload).toString() }).toEqual({
        id,
        name,
        state: "active",
        payload: `payload of ${name}`,
      });

      await keyManager.deleteStandardKey(id, call);
      await keyManager.deleteStandardKey(id, call);
      expect((await failure(keyManager.getStandardKey(id, call))).failure).toBe("notFound");
      expect(await keyManager.findStandardKeys({ name, description: "instance A" }, call)).toEqual([twin]);
    });

    it("notices what another program deleted, although it has just read it", async () => {
      const name = randomUUID();
      const { id } = await store(name);
      await keyManager.getStandardKey(id, call);
      await administerToken(token, { deleteData: name });

      expect((await failure(keyManager.getStandardKey(id, call))).failure).toBe("notFound");
    });

    it("sees what another process stored, and shows nothing without a login", async () => {
      const name = randomUUID();
      const { id } = await store(name);
      closeTokenProcesses();

      expect((await keyManager.getStandardKey(id, call)).name).toBe(name);
      expect(await administerToken(token, { countPublicObjects: true })).toBe(0);
    });

    it("knows ids that are none", async () => {
      for (const id of ["", "crk", randomUUID(), "00000000-0000-0000-0000-000000000000"]) {
        expect((await failure(keyManager.getStandardKey(id, call))).failure).toBe("notFound");
        await keyManager.deleteStandardKey(id, call);
      }
    });

    it("leaves nothing behind when it proves that the token stores data", async () => {
      const before = await administerToken(token, { countData: true });
      await keyManager.probeStorage(call);
      expect(await administerToken(token, { countData: true })).toBe(before);
    });
  });

  describe("login, loss and time", () => {
    it("refuses a wrong PIN although others are logged in, and tries it once", async () => {
      const wrong = token.connect("wrong-pin-of-nobody");
      const first = await failure(wrong.login(call));
      expect(first).toMatchObject({ failure: "credentials", code: "CKR_PIN_INCORRECT" });
      expect(inspect(first, { depth: 10, showHidden: true })).not.toContain("wrong-pin-of-nobody");

      const periodic = token.connect("wrong-pin-of-nobody", false);
      expect((await failure(periodic.getRootKey("crk", call))).code).toBe("CKR_PIN_INCORRECT");
      expect((await keyManager.getRootKey("crk", call)).state).toBe("active");
    });

    it("tries a refused PIN again only when somebody enters it", async () => {
      const other = await hsm.makeToken("pin-changes", "the-first-pin");
      const late = other.connect("the-second-pin");
      expect((await failure(late.login(call))).failure).toBe("credentials");
      await administerToken(other, { setPin: "the-second-pin" });

      expect((await failure(late.login(call))).failure).toBe("credentials");
      expect((await failure(other.connect("the-second-pin").login(call))).failure).toBe("credentials");

      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
      onTestFinished(() => void vi.useRealTimers());
      expect((await failure(other.connect("the-second-pin", false).login(call))).failure).toBe("credentials");
      await other.connect("the-second-pin").login(call);
      await late.login(call);
    });

    it("says that the token is gone, and goes on when it is back", async () => {
      const other = await hsm.makeToken("unplugged");
      const adapter = other.connect();
      await adapter.generateRootKey("crk", call);
      const { id } = await adapter.createStandardKey(
        { name: "n", description: "d", payload: randomBytes(8) },
        call,
      );
      closeTokenProcesses();
      await rename(hsm.tokens, `${hsm.tokens}-away`);

      try {
        for (const attempt of [
          () => adapter.getStandardKey(id, call),
          () => adapter.getRootKey("crk", call),
        ]) {
          expect((await failure(attempt())).definite).toBe(false);
        }
      } finally {
        await rename(`${hsm.tokens}-away`, hsm.tokens);
      }

      expect((await adapter.getStandardKey(id, call)).id).toBe(id);
    });

    it("survives the end of the token's process in the middle of many calls", async () => {
      const wraps = Array.from({ length: 200 }, () => keyManager.wrap("crk", randomBytes(32), aad, call));
      const settled = Promise.allSettled(wraps);
      await wraps[0];
      closeTokenProcesses();

      for (const result of await settled) {
        if (result.status === "rejected") {
          expect(result.reason).toMatchObject({ failure: "unreachable", code: "TOKEN_PROCESS_ENDED" });
        }
      }

      expect((await keyManager.wrap("crk", randomBytes(32), aad, call)).crkVersion).toBe("01");
    });

    it("keeps the caller's time and signal", async () => {
      const busy = Array.from({ length: 300 }, () => keyManager.wrap("crk", randomBytes(7_000), aad, call));
      const late = keyManager.wrap("crk", randomBytes(32), aad, { ...call, timeoutMs: 1 });
      const given = new AbortController();
      const left = keyManager.wrap("crk", randomBytes(32), aad, { ...call, signal: given.signal });
      const both = Promise.all([failure(late), failure(left)]);
      given.abort();

      expect((await both).map((error) => error.failure)).toEqual(["timeout", "timeout"]);
      await Promise.all(busy);
    });

    it("loads no module but the configured ones, and says what cannot be loaded", async () => {
      const missing = { name: "missing", path: "/nonexistent/libpkcs11.so" };
      expect(await failure(listModuleTokens(missing, call))).toMatchObject({
        failure: "unreachable",
        code: "MODULE_NOT_LOADED",
      });
      expect((await listModuleTokens(softhsm, call)).map(({ label }) => label)).toContain("kmip");
    });
  });
});
