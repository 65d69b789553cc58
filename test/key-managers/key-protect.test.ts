import { randomBytes, randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { KeyManagerError } from "@/lib/key-managers/key-manager";
import { call, makeRootKey, sandboxForTests } from "./support/sandbox";

const test = sandboxForTests();

afterEach(() => {
  test.fault = null;
});

async function failure(promise: Promise<unknown>): Promise<KeyManagerError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );

  expect(error).toBeInstanceOf(KeyManagerError);

  return error as KeyManagerError;
}

const description = "Wrapped KEK of a test";

describe.each(["key-protect", "hpcs"] as const)("%s", (kind) => {
  const crkId = () =>
    (kind === "hpcs" ? test.credentials.hpcs : test.credentials.keyProtect).rootKeys[0]?.id ?? "";

  it("unwraps what it wrapped, with the same AAD in the same order", async () => {
    const keyManager = test.connect(kind);
    const kek = randomBytes(32);
    const aad = [randomUUID(), randomUUID()];
    const wrapped = await keyManager.wrap(crkId(), kek, aad, call);
    const unwrapped = await keyManager.unwrap(crkId(), wrapped.bytes, aad, call);

    expect(Buffer.from(unwrapped.plaintext).equals(kek)).toBe(true);
    expect(Buffer.from(wrapped.bytes).includes(kek)).toBe(false);
    expect(wrapped.crkVersion).toMatch(/^[0-9a-f-]{36}$/);
    expect(unwrapped.crkVersion).toBe(wrapped.crkVersion);
    expect(unwrapped.rewrapped).toBeUndefined();
    expect(keyManager.kind).toBe(kind);
  });

  it.each([
    ["other AAD", (aad: string[]) => ["other", aad[1] ?? ""]],
    ["another order", (aad: string[]) => aad.toReversed()],
    ["none", () => []],
  ])("refuses to unwrap with %s", async (_name, change) => {
    const keyManager = test.connect(kind);
    const aad = ["instance", "identifier"];
    const wrapped = await keyManager.wrap(crkId(), randomBytes(32), aad, call);
    const error = await failure(keyManager.unwrap(crkId(), wrapped.bytes, change(aad), call));

    expect(error.failure).toBe("ciphertext");
    expect(error.definite).toBe(true);
    expect(error.correlationId).toBe(call.correlationId);
  });

  it("refuses damaged ciphertext", async () => {
    const keyManager = test.connect(kind);
    const wrapped = await keyManager.wrap(crkId(), randomBytes(32), ["a"], call);
    const damaged = Uint8Array.from(wrapped.bytes);
    damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 1;

    expect((await failure(keyManager.unwrap(crkId(), damaged, ["a"], call))).definite).toBe(true);
  });

  it("keeps a wrapped KEK as a standard key: same bytes back, found by name, gone when deleted", async () => {
    const keyManager = test.connect(kind);
    const name = randomUUID();
    const { bytes } = await keyManager.wrap(crkId(), randomBytes(32), [name], call);
    const { id } = await keyManager.createStandardKey({ name, description, payload: bytes }, call);
    const key = await keyManager.getStandardKey(id, call);

    expect(key).toMatchObject({ id, name, state: "active" });
    expect(Buffer.from(key.payload).equals(bytes)).toBe(true);
    expect(await keyManager.findStandardKeys({ name, description }, call)).toEqual([{ id }]);
    expect(await keyManager.findStandardKeys({ name: name.slice(0, 20), description }, call)).toEqual([]);
    expect(await keyManager.findStandardKeys({ name, description: "another's" }, call)).toEqual([]);

    await keyManager.deleteStandardKey(id, call);
    expect(await keyManager.findStandardKeys({ name, description }, call)).toEqual([]);
    expect((await failure(keyManager.getStandardKey(id, call))).failure).toBe("deleted");
    // Deleting what is gone is done.
    await keyManager.deleteStandardKey(id, call);
    await keyManager.deleteStandardKey(randomUUID(), call);
  });

  it("keeps payloads of every size up to 7,500 bytes", async () => {
    const keyManager = test.connect(kind);

    for (const size of [1, 2, 3, 7500]) {
      const payload = randomBytes(size);
      const { id } = await keyManager.createStandardKey({ name: `size-${size}`, payload }, call);

      expect(Buffer.from((await keyManager.getStandardKey(id, call)).payload).equals(payload)).toBe(true);
    }
  });

  it("reads a slice of a larger buffer as what it is", async () => {
    const keyManager = test.connect(kind);
    const large = randomBytes(64);
    const wrapped = await keyManager.wrap(crkId(), large.subarray(16, 48), [], call);
    const { plaintext } = await keyManager.unwrap(crkId(), wrapped.bytes, [], call);

    expect(Buffer.from(plaintext).equals(large.subarray(16, 48))).toBe(true);
  });

  it("finds two standard keys of one name, and says `notFound` for none", async () => {
    const keyManager = test.connect(kind);
    const name = randomUUID();
    const made = [
      await keyManager.createStandardKey({ name, description, payload: randomBytes(8) }, call),
      await keyManager.createStandardKey({ name, description, payload: randomBytes(8) }, call),
    ];

    expect(
      (await keyManager.findStandardKeys({ name, description }, call)).map(({ id }) => id).sort(),
    ).toEqual(made.map(({ id }) => id).sort());
    expect((await failure(keyManager.getStandardKey(randomUUID(), call))).failure).toBe("notFound");
  });

  it("does not delete or read a root key as a standard key", async () => {
    const keyManager = test.connect(kind);
    const rootKey = await makeRootKey(test, "precious", { kind });

    expect(await failure(keyManager.deleteStandardKey(rootKey, call))).toMatchObject({
      failure: "rejected",
      code: "NOT_A_STANDARD_KEY",
    });
    expect(await failure(keyManager.getStandardKey(rootKey, call))).toMatchObject({
      failure: "rejected",
      code: "NOT_A_STANDARD_KEY",
    });
    expect((await keyManager.getRootKey(rootKey, call)).state).toBe("active");
  });

  it("tells a standard key from a root key", async () => {
    const keyManager = test.connect(kind);
    const { id } = await keyManager.createStandardKey({ name: "standard", payload: randomBytes(8) }, call);

    expect((await failure(keyManager.getRootKey(id, call))).code).toBe("NOT_A_ROOT_KEY");
    expect((await keyManager.readKeyMetadata(id, call)).isRootKey).toBe(false);
    expect((await failure(keyManager.wrap(id, randomBytes(32), [], call))).failure).toBe("rejected");
  });

  it("answers a rotation: the old wrap still opens and comes back under the new version", async () => {
    const keyManager = test.connect(kind);
    const rootKey = await makeRootKey(test, "rotating", { kind });
    const kek = randomBytes(32);
    const before = await keyManager.wrap(rootKey, kek, ["x"], call);
    expect((await test.administer(kind, "POST", `/keys/${rootKey}/actions/rotate`)).status).toBe(204);

    const metadata = await keyManager.getRootKey(rootKey, call);
    expect(metadata.currentVersion).not.toBe(before.crkVersion);
    expect(metadata.lastRotatedAt).toBeInstanceOf(Date);

    const old = await keyManager.unwrap(rootKey, before.bytes, ["x"], call);
    expect(Buffer.from(old.plaintext).equals(kek)).toBe(true);
    expect(old.crkVersion).toBe(before.crkVersion);
    expect(old.rewrapped?.crkVersion).toBe(metadata.currentVersion);

    const again = await keyManager.unwrap(rootKey, old.rewrapped?.bytes ?? new Uint8Array(), ["x"], call);
    expect(Buffer.from(again.plaintext).equals(kek)).toBe(true);
    expect(again.rewrapped).toBeUndefined();
  });

  it("stops at a disabled root key and goes on when it is enabled", async () => {
    const keyManager = test.connect(kind);
    const rootKey = await makeRootKey(test, "disabled", { kind });
    const wrapped = await keyManager.wrap(rootKey, randomBytes(32), [], call);
    await test.administer(kind, "POST", `/keys/${rootKey}/actions/disable`);

    expect((await failure(keyManager.unwrap(rootKey, wrapped.bytes, [], call))).failure).toBe("keyState");
    expect((await failure(keyManager.wrap(rootKey, randomBytes(32), [], call))).failure).toBe("keyState");
    expect((await keyManager.getRootKey(rootKey, call)).state).toBe("suspended");

    await test.administer(kind, "POST", `/keys/${rootKey}/actions/enable`);
    expect((await keyManager.unwrap(rootKey, wrapped.bytes, [], call)).plaintext).toHaveLength(32);
  });

  it("stops at a deleted root key", async () => {
    const keyManager = test.connect(kind);
    const rootKey = await makeRootKey(test, "deleted", { kind });
    const wrapped = await keyManager.wrap(rootKey, randomBytes(32), [], call);
    await test.administer(kind, "DELETE", `/keys/${rootKey}`);

    expect((await failure(keyManager.unwrap(rootKey, wrapped.bytes, [], call))).failure).toBe("deleted");
    expect((await keyManager.getRootKey(rootKey, call)).state).toBe("destroyed");
  });

  it("refuses a wrong API key, without showing it", async () => {
    const apiKey = `wrong-${randomUUID()}`;
    const error = await failure(test.connect(kind, apiKey).wrap(crkId(), randomBytes(32), [], call));

    expect(error.failure).toBe("credentials");
    expect(inspect(error, { depth: 10 })).not.toContain(apiKey);
  });

  it("says `forbidden` for a service ID with the role Viewer only, without showing its key or token", async () => {
    const { apiKey } = test.credentials.viewerOnly;
    const keyManager = test.connect(kind, apiKey);

    for (const attempt of [
      () => keyManager.wrap(crkId(), randomBytes(32), [], call),
      () => keyManager.createStandardKey({ name: "not-mine", payload: randomBytes(8) }, call),
      () => keyManager.readInstancePolicies(call),
    ]) {
      const error = await failure(attempt());
      const shown = inspect(error, { depth: 10, showHidden: true });

      expect(error).toMatchObject({ failure: "forbidden", status: 401 });
      expect(shown).not.toContain(apiKey);
      expect(shown).not.toMatch(/eyJ[A-Za-z0-9]/);
    }
  });

  it("shows neither plaintext nor ciphertext in errors", async () => {
    const keyManager = test.connect(kind);
    const kek = randomBytes(32);
    const error = await failure(keyManager.wrap(randomUUID(), kek, ["a"], call));
    const shown = inspect(error, { depth: 10, showHidden: true });

    for (const encoding of ["base64", "hex", "latin1"] as const) {
      expect(shown).not.toContain(kek.toString(encoding));
    }
  });

  it("is of no use after it was closed", async () => {
    const keyManager = test.connect(kind);
    await keyManager.close();

    expect((await failure(keyManager.listKeyRings(call))).failure).toBe("unreachable");
  });
});

describe("listing root keys", () => {
  it("gives only root keys, a page at a time, every one once", async () => {
    const keyManager = test.connect("key-protect");
    const made: string[] = [];

    for (let index = 0; index < 7; index += 1) {
      made.push(await makeRootKey(test, `page-${index}`));
      await keyManager.createStandardKey({ name: `page-standard-${index}`, payload: randomBytes(8) }, call);
    }

    const seen: string[] = [];
    let cursor: string | null = null;

    do {
      const page: Awaited<ReturnType<typeof keyManager.listRootKeys>> = await keyManager.listRootKeys(
        { limit: 3, search: "page-", ...(cursor === null ? {} : { cursor }) },
        call,
      );
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);

    expect(seen.toSorted()).toEqual(made.toSorted());
  });

  it("has no further page when the last one is exactly full", async () => {
    const keyManager = test.connect("key-protect");
    await makeRootKey(test, "exact-1");
    await makeRootKey(test, "exact-2");
    const page = await keyManager.listRootKeys({ limit: 2, search: "exact-" }, call);

    expect(page.items).toHaveLength(2);
    expect(page.nextCursor).toBeNull();
  });

  it("takes an answer without `resources` as an empty list", async () => {
    const keyManager = test.connect("key-protect");

    expect(await keyManager.listRootKeys({ search: "no such key" }, call)).toEqual({
      items: [],
      nextCursor: null,
    });
  });

  it("keeps to a key ring", async () => {
    const keyManager = test.connect("key-protect");
    const [, second] = test.credentials.keyProtect.rootKeys;
    const { items } = await keyManager.listRootKeys({ keyRing: "vmware" }, call);

    expect(items.map(({ id }) => id)).toEqual([second?.id]);
    expect(items[0]).toMatchObject({ keyRing: "vmware", state: "active", algorithm: "AES-256" });
    expect((await keyManager.listKeyRings(call)).map(({ id }) => id)).toEqual(
      expect.arrayContaining(["default", "vmware"]),
    );
  });

  it("searches for text that looks like an operator as text", async () => {
    const keyManager = test.connect("key-protect");
    const id = await makeRootKey(test, "not:a operator");
    const { items } = await keyManager.listRootKeys({ search: "not:a" }, call);

    expect(items.map((key) => key.id)).toEqual([id]);
  });

  it.each(["bm9uc2Vuc2U", "!!", "bzAx", ""])("refuses the cursor %j", async (cursor) => {
    const keyManager = test.connect("key-protect");

    expect(await failure(keyManager.listRootKeys({ cursor }, call))).toMatchObject({
      failure: "rejected",
      code: "INVALID_CURSOR",
    });
  });

  it("does not list destroyed root keys", async () => {
    const keyManager = test.connect("key-protect");
    const id = await makeRootKey(test, "short-lived");
    await test.administer("key-protect", "DELETE", `/keys/${id}`);

    expect((await keyManager.listRootKeys({ search: "short-lived" }, call)).items).toEqual([]);
  });
});

describe("a key manager that does not answer as it should", () => {
  const rootKey = () => test.credentials.keyProtect.rootKeys[0]?.id ?? "";
  const isKeyManager = (segments: readonly string[]) => segments.includes("api");

  it("bears a short throttling", async () => {
    let refused = 0;
    test.fault = async (request, next) =>
      isKeyManager(request.segments) && refused++ < 2
        ? { status: 429, headers: { "retry-after": "0" } }
        : next();
    const wrapped = await test.connect("key-protect").wrap(rootKey(), randomBytes(32), [], call);

    expect(wrapped.bytes.length).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(2);
  });

  it("says `throttled`, and for how long, when it lasts", async () => {
    test.fault = async (request, next) =>
      isKeyManager(request.segments) ? { status: 429, headers: { "retry-after": "120" } } : next();
    const error = await failure(test.connect("key-protect").wrap(rootKey(), randomBytes(32), [], call));

    expect(error).toMatchObject({ failure: "throttled", status: 429, retryAfterMs: 120_000 });
    expect(error.definite).toBe(false);
  });

  it("makes one standard key although the answer to the create was lost", async () => {
    const keyManager = test.connect("key-protect");
    const name = randomUUID();
    test.fault = async (request, next) => {
      const response = await next();

      return request.method === "POST" && request.segments.at(-1) === "keys" ? { status: 502 } : response;
    };
    const error = await failure(
      keyManager.createStandardKey({ name, description, payload: randomBytes(8) }, call),
    );
    test.fault = null;

    expect(error).toMatchObject({ failure: "serverError", definite: false });
    expect(await keyManager.findStandardKeys({ name, description }, call)).toHaveLength(1);
  });

  it("says `timeout` when its time is up, wherever it was spent", async () => {
    test.fault = async (request, next) => {
      if (isKeyManager(request.segments)) {
        await new Promise((resolve) => setTimeout(resolve, 500));
      }

      return next();
    };
    const error = await failure(
      test.connect("key-protect").wrap(rootKey(), randomBytes(32), [], { ...call, timeoutMs: 100 }),
    );

    expect(error).toMatchObject({ failure: "timeout", definite: false });
  });

  it("ends at once when the caller gives up", async () => {
    const controller = new AbortController();
    controller.abort();
    const error = await failure(
      test
        .connect("key-protect")
        .wrap(rootKey(), randomBytes(32), [], { ...call, signal: controller.signal }),
    );

    expect(error).toMatchObject({ failure: "timeout", code: "CANCELLED" });
  });

  it("fetches a new token after a 401 and carries on", async () => {
    let refused = false;
    const tokens = new Set<string | undefined>();
    test.fault = async (request, next) => {
      if (!isKeyManager(request.segments)) {
        return next();
      }

      tokens.add(request.headers.authorization);

      if (!refused) {
        refused = true;

        return { status: 401, body: { resources: [{ errorMsg: "Unauthorized: token expired" }] } };
      }

      return next();
    };
    const keyManager = test.connect("key-protect", undefined, test.freshCloud());

    expect(await keyManager.readInstancePolicies(call)).toEqual([]);
    expect(tokens.size).toBe(2);
  });

  it("does not ask IAM for a new token at every refusal", async () => {
    let exchanges = 0;
    test.fault = async (request, next) => {
      exchanges += request.segments.at(-1) === "token" ? 1 : 0;

      return isKeyManager(request.segments) ? { status: 401 } : next();
    };
    const keyManager = test.connect("key-protect", undefined, test.freshCloud());

    for (let index = 0; index < 5; index += 1) {
      expect((await failure(keyManager.readInstancePolicies(call))).failure).toBe("forbidden");
    }

    expect(exchanges).toBe(2);
  });

  it("takes nonsense for a failure of the service, not for a refusal", async () => {
    test.fault = async (request, next) =>
      isKeyManager(request.segments) ? { status: 200, body: { ciphertext: "***" } } : next();
    const error = await failure(test.connect("key-protect").wrap(rootKey(), randomBytes(32), [], call));

    expect(error).toMatchObject({ failure: "serverError", definite: false });
    expect(error.message).toContain("ciphertext");
  });

  it("looks through the whole list when there are too many keys to search", async () => {
    const keyManager = test.connect("key-protect");
    const name = randomUUID();
    const { id } = await keyManager.createStandardKey({ name, description, payload: randomBytes(8) }, call);
    test.fault = async (request, next) =>
      request.query.has("search")
        ? {
            status: 400,
            body: { resources: [{ errorMsg: "Bad Request", reasons: [{ code: "KEY_SEARCH_TOO_BROAD" }] }] },
          }
        : next();

    expect(await keyManager.findStandardKeys({ name, description }, call)).toEqual([{ id }]);
  });
});
