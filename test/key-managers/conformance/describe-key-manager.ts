import { randomBytes, randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type CallContext,
  type KeyManager,
  KeyManagerError,
  type KeyManagerFailure,
  type RootKey,
  type StandardKeyMarks,
} from "@/lib/key-managers/key-manager";
import type { Ability, KeyManagerWorld, Trouble } from "./world";

/** Bytes that a wrap and a standard key take at most (Key Protect's limit, which the port makes everybody's). */
const MAX_BYTES = 7_500;
/** A key that is gone: key managers that keep a record of deleted keys say so, the others never heard of it. */
const GONE: readonly KeyManagerFailure[] = ["deleted", "notFound"];
/** Failures that say nothing about the request. */
const OUTAGES: readonly KeyManagerFailure[] = ["unreachable", "timeout", "serverError"];
const DESCRIPTION = "Wrapped KEK of the conformance suite";

/**
 * What every adapter of a key manager must do, whatever it speaks below: the contract of the port KeyManager as the
 * store of KEKs relies on it.
 *
 * ```ts
 * describeKeyManager("PKCS#11 (SoftHSM)", makeSoftHsmWorld, {
 *   lacks: { throttled: "a token has no rate limit" },
 * });
 * ```
 *
 * @param name stands in the test report
 * @param makeWorld called once; the world is closed at the end
 * @param options.lacks what the world cannot do, each with the reason; those tests are skipped under that reason
 */
export function describeKeyManager(
  name: string,
  makeWorld: () => Promise<KeyManagerWorld>,
  options: { readonly lacks?: { readonly [ability in Ability]?: string } } = {},
): void {
  const lacks = options.lacks ?? {};

  /** A test of something that a world may lack. */
  function testOf(ability: Ability, title: string, run: () => Promise<void>): void {
    const reason = lacks[ability];

    if (reason === undefined) {
      it(title, run);
    } else {
      it.skip(`${title} (not here: ${reason})`, run);
    }
  }

  describe(name, () => {
    let world: KeyManagerWorld;
    let rootKey: string;

    beforeAll(async () => {
      world = await makeWorld();
      rootKey = await world.makeRootKey("conformance");
    });

    afterAll(async () => {
      await world?.close();
    });

    const context = (more: Partial<CallContext> = {}): CallContext => ({
      correlationId: randomUUID(),
      timeoutMs: 10_000,
      ...more,
    });

    async function failureOf(promise: Promise<unknown>): Promise<KeyManagerError> {
      const error = await promise.then(
        () => null,
        (reason: unknown) => reason,
      );

      expect(error).toBeInstanceOf(KeyManagerError);

      return error as KeyManagerError;
    }

    async function inTrouble<T>(kind: Trouble, run: () => Promise<T>): Promise<T> {
      const end = await need(world.trouble).call(world, kind);

      try {
        return await run();
      } finally {
        await end();
      }
    }

    const marks = (): StandardKeyMarks => ({ name: randomUUID(), description: DESCRIPTION });

    describe("wrap and unwrap", () => {
      it.each([1, 16, 32, 33, 1_000, MAX_BYTES])("gives %i bytes back", async (size) => {
        const keyManager = world.connect();
        const plaintext = randomBytes(size);
        const aad = [randomUUID(), randomUUID()];
        const wrapped = await keyManager.wrap(rootKey, plaintext, aad, context());
        const unwrapped = await keyManager.unwrap(rootKey, wrapped.bytes, aad, context());

        expect(Buffer.from(unwrapped.plaintext).equals(plaintext)).toBe(true);
        expect(unwrapped.rewrapped).toBeUndefined();
        expect(unwrapped.crkVersion).toBe(wrapped.crkVersion);
        expect(wrapped.crkVersion).toEqual(expect.any(String));

        if (size >= 16) {
          expect(Buffer.from(wrapped.bytes).includes(plaintext)).toBe(false);
        }
      });

      it("refuses more than 7,500 bytes", async () => {
        const error = await failureOf(
          world.connect().wrap(rootKey, randomBytes(MAX_BYTES + 1), [], context()),
        );

        expect(error.failure).toBe("rejected");
      });

      it("takes 255 AAD strings of 255 characters, and characters of any script", async () => {
        const keyManager = world.connect();
        const plaintext = randomBytes(32);

        for (const aad of [
          Array.from({ length: 255 }, (_, i) => `${i}`.padEnd(255, "x")),
          ["密钥", "é\u{1F511}"],
        ]) {
          const { bytes } = await keyManager.wrap(rootKey, plaintext, aad, context());
          const back = await keyManager.unwrap(rootKey, bytes, aad, context());

          expect(Buffer.from(back.plaintext).equals(plaintext)).toBe(true);
        }
      });

      it.each<[string, (aad: string[]) => string[]]>([
        ["other AAD", ([, second]) => ["other", second ?? ""]],
        ["AAD in another order", (aad) => aad.toReversed()],
        ["no AAD", () => []],
        ["less AAD", ([first]) => [first ?? ""]],
        ["more AAD", (aad) => [...aad, "more"]],
        ["AAD with the border moved", () => ["instancei", "dentifier"]],
        ["AAD run together", (aad) => [aad.join("")]],
        ["AAD in other case", (aad) => aad.map((text) => text.toUpperCase())],
      ])("refuses to unwrap with %s", async (_title, change) => {
        const keyManager = world.connect();
        const aad = ["instance", "identifier"];
        const plaintext = randomBytes(32);
        const call = context();
        const wrapped = await keyManager.wrap(rootKey, plaintext, aad, context());
        const error = await failureOf(keyManager.unwrap(rootKey, wrapped.bytes, change(aad), call));

        expect(error).toMatchObject({ failure: "ciphertext", definite: true });
        expectDiscreet(error, plaintext, wrapped.bytes);
      });

      it("refuses to unwrap with AAD what was wrapped without", async () => {
        const keyManager = world.connect();
        const { bytes } = await keyManager.wrap(rootKey, randomBytes(32), [], context());

        expect((await failureOf(keyManager.unwrap(rootKey, bytes, ["a"], context()))).failure).toBe(
          "ciphertext",
        );
      });

      it("refuses damaged, shortened and foreign bytes, wherever the damage is", async () => {
        const keyManager = world.connect();
        const { bytes } = await keyManager.wrap(rootKey, randomBytes(32), ["a"], context());
        const damaged = [0, 0.25, 0.5, 0.75].map((part) => {
          const copy = Uint8Array.from(bytes);
          const at = Math.floor(copy.length * part);
          copy[at] = (copy[at] ?? 0) ^ 1;

          return copy;
        });

        for (const wrong of [...damaged, bytes.subarray(0, -1), bytes.subarray(0, 8), randomBytes(64)]) {
          const error = await failureOf(keyManager.unwrap(rootKey, wrong, ["a"], context()));

          expect(error.definite).toBe(true);
          expect(["ciphertext", "rejected"]).toContain(error.failure);
        }
      });

      it("does not unwrap with another root key", async () => {
        const keyManager = world.connect();
        const other = await world.makeRootKey("other");
        const { bytes } = await keyManager.wrap(rootKey, randomBytes(32), ["a"], context());
        const error = await failureOf(keyManager.unwrap(other, bytes, ["a"], context()));

        expect(error).toMatchObject({ failure: "ciphertext", definite: true });
      });

      it("says that a root key is not there", async () => {
        const keyManager = world.connect();
        const plaintext = randomBytes(32);
        const wrapped = await keyManager.wrap(rootKey, plaintext, [], context());
        const id = randomUUID();

        for (const attempt of [
          keyManager.wrap(id, plaintext, [], context()),
          keyManager.unwrap(id, wrapped.bytes, [], context()),
          keyManager.getRootKey(id, context()),
        ]) {
          const error = await failureOf(attempt);

          expect(error).toMatchObject({ failure: "notFound", definite: true });
          expectDiscreet(error, plaintext);
        }
      });

      it("reads a slice of a larger buffer as what it is, and leaves it alone", async () => {
        const keyManager = world.connect();
        const large = randomBytes(64);
        const before = Buffer.from(large);
        const { bytes } = await keyManager.wrap(rootKey, large.subarray(16, 48), [], context());
        const padded = Buffer.concat([randomBytes(5), bytes, randomBytes(5)]);
        const { plaintext } = await keyManager.unwrap(
          rootKey,
          padded.subarray(5, 5 + bytes.length),
          [],
          context(),
        );

        expect(Buffer.from(plaintext).equals(large.subarray(16, 48))).toBe(true);
        expect(large.equals(before)).toBe(true);
      });

      it("gives every caller plaintext of its own, which it may zero", async () => {
        const keyManager = world.connect();
        const kek = randomBytes(32);
        const { bytes } = await keyManager.wrap(rootKey, kek, ["a"], context());
        const results = await Promise.all(
          Array.from({ length: 8 }, () => keyManager.unwrap(rootKey, bytes, ["a"], context())),
        );

        for (const { plaintext } of results) {
          expect(Buffer.from(plaintext).equals(kek)).toBe(true);
          plaintext.fill(0);
        }

        const again = await keyManager.unwrap(rootKey, bytes, ["a"], context());
        expect(Buffer.from(again.plaintext).equals(kek)).toBe(true);
      });
    });

    describe("standard keys", () => {
      it.each([1, 2, 3, 400, MAX_BYTES])("keeps %i bytes", async (size) => {
        const keyManager = world.connect();
        const payload = randomBytes(size);
        const { id } = await keyManager.createStandardKey({ ...marks(), payload }, context());
        const key = await keyManager.getStandardKey(id, context());

        expect(key).toMatchObject({ id, state: "active" });
        expect(Buffer.from(key.payload).equals(payload)).toBe(true);
      });

      it("refuses more than 7,500 bytes, and keeps nothing of them", async () => {
        const keyManager = world.connect();
        const wanted = marks();
        const error = await failureOf(
          keyManager.createStandardKey({ ...wanted, payload: randomBytes(MAX_BYTES + 1) }, context()),
        );

        expect(error.failure).toBe("rejected");
        expect(await keyManager.findStandardKeys(wanted, context())).toEqual([]);
      });

      it("finds a key by exactly its name and description", async () => {
        const keyManager = world.connect();
        const wanted = marks();
        const { id } = await keyManager.createStandardKey({ ...wanted, payload: randomBytes(8) }, context());
        const find = (change: Partial<StandardKeyMarks>) =>
          keyManager.findStandardKeys({ ...wanted, ...change }, context());

        expect(await find({})).toEqual([{ id }]);
        expect(await find({ name: wanted.name.slice(0, 20) })).toEqual([]);
        expect(await find({ name: `${wanted.name}x` })).toEqual([]);
        expect(await find({ name: wanted.name.toUpperCase() })).toEqual([]);
        expect(await find({ name: randomUUID() })).toEqual([]);
        expect(await find({ description: "another's" })).toEqual([]);
        expect(await find({ description: DESCRIPTION.slice(0, -1) })).toEqual([]);
      });

      it.each([
        "not:me",
        "exact:name:x",
        "escape:exact:me",
        'quotes "and" commas, and more',
        "a comma at the end,",
        ",,",
        "a/b?c=d&e#f%20",
        "名前のあるキー",
        "x".repeat(90),
      ])("finds a key of the name %s", async (text) => {
        const keyManager = world.connect();
        const description = randomUUID();
        const { id } = await keyManager.createStandardKey(
          { name: text, description, payload: randomBytes(8) },
          context(),
        );

        expect(await keyManager.findStandardKeys({ name: text, description }, context())).toEqual([{ id }]);
        expect((await keyManager.getStandardKey(id, context())).name).toBe(text);
      });

      it("keeps keys of one name apart", async () => {
        const keyManager = world.connect();
        const wanted = marks();
        const payloads = [randomBytes(8), randomBytes(8)];
        const made: string[] = [];

        for (const payload of payloads) {
          made.push((await keyManager.createStandardKey({ ...wanted, payload }, context())).id);
        }

        const found = await keyManager.findStandardKeys(wanted, context());
        expect(found.map(({ id }) => id).toSorted()).toEqual(made.toSorted());

        const [first = "", second = ""] = made;
        await keyManager.deleteStandardKey(first, context());
        expect(await keyManager.findStandardKeys(wanted, context())).toEqual([{ id: second }]);
        const left = await keyManager.getStandardKey(second, context());
        expect(Buffer.from(left.payload).equals(payloads[1] ?? Buffer.alloc(0))).toBe(true);
      });

      it("deletes a key, and takes one that is gone or never was for done", async () => {
        const keyManager = world.connect();
        const wanted = marks();
        const { id } = await keyManager.createStandardKey({ ...wanted, payload: randomBytes(8) }, context());
        await keyManager.deleteStandardKey(id, context());

        const error = await failureOf(keyManager.getStandardKey(id, context()));
        expect(GONE).toContain(error.failure);
        expect(error.definite).toBe(true);
        expect(await keyManager.findStandardKeys(wanted, context())).toEqual([]);
        await keyManager.deleteStandardKey(id, context());
        await keyManager.deleteStandardKey(randomUUID(), context());
      });

      testOf("deletionByOthers", "notices that somebody else deleted a key", async () => {
        const keyManager = world.connect();
        const wanted = marks();
        const { id } = await keyManager.createStandardKey({ ...wanted, payload: randomBytes(8) }, context());
        await keyManager.getStandardKey(id, context());
        await need(world.deleteStandardKey).call(world, id);

        expect(GONE).toContain((await failureOf(keyManager.getStandardKey(id, context()))).failure);
        expect(await keyManager.findStandardKeys(wanted, context())).toEqual([]);
        await keyManager.deleteStandardKey(id, context());
      });

      it("never deletes or reads a root key as a standard key", async () => {
        const keyManager = world.connect();
        const precious = await world.makeRootKey("precious");
        const { bytes } = await keyManager.wrap(precious, randomBytes(32), [], context());

        // Either it says what the key is, or it knows no standard key of that id.
        await keyManager.deleteStandardKey(precious, context()).catch((error: unknown) => {
          expect(error).toMatchObject({ failure: "rejected", code: "NOT_A_STANDARD_KEY" });
        });
        const error = await failureOf(keyManager.getStandardKey(precious, context()));
        expect(["rejected", "notFound"]).toContain(error.failure);
        expect((await keyManager.getRootKey(precious, context())).state).toBe("active");
        expect((await keyManager.unwrap(precious, bytes, [], context())).plaintext).toHaveLength(32);
      });

      it("does not take a standard key for a root key", async () => {
        const keyManager = world.connect();
        const { id } = await keyManager.createStandardKey(
          { ...marks(), payload: randomBytes(32) },
          context(),
        );

        for (const attempt of [
          keyManager.getRootKey(id, context()),
          keyManager.wrap(id, randomBytes(32), [], context()),
        ]) {
          expect(["rejected", "notFound"]).toContain((await failureOf(attempt)).failure);
        }
      });
    });

    describe("root keys", () => {
      it("describes one", async () => {
        const keyManager = world.connect();
        const id = await world.makeRootKey("described");
        const wrapped = await keyManager.wrap(id, randomBytes(32), [], context());
        const key = await keyManager.getRootKey(id, context());

        expect(key).toMatchObject({ id, name: "described", state: "active" });
        expect(key.algorithm).toMatch(/^AES/);
        expect(key.currentVersion).toBe(wrapped.crkVersion);
      });

      it("lists them a page at a time, every one once, and no standard keys", async () => {
        const keyManager = world.connect();
        const prefix = `page-${randomUUID().slice(0, 8)}-`;
        const made: string[] = [];

        for (let index = 0; index < 7; index += 1) {
          made.push(await world.makeRootKey(`${prefix}${index}`));
        }

        await keyManager.createStandardKey({ name: `${prefix}standard`, payload: randomBytes(8) }, context());

        const seen: RootKey[] = [];
        let cursor: string | null = null;

        do {
          const page: Awaited<ReturnType<KeyManager["listRootKeys"]>> = await keyManager.listRootKeys(
            { limit: 3, search: prefix, ...(cursor === null ? {} : { cursor }) },
            context(),
          );
          expect(page.items.length).toBeLessThanOrEqual(3);
          seen.push(...page.items);
          cursor = page.nextCursor;
        } while (cursor !== null);

        expect(seen.map(({ id }) => id).toSorted()).toEqual(made.toSorted());
      });

      it("has no further page after one that is exactly full, and none for nothing", async () => {
        const keyManager = world.connect();
        const prefix = `exact-${randomUUID().slice(0, 8)}-`;
        await world.makeRootKey(`${prefix}1`);
        await world.makeRootKey(`${prefix}2`);
        const page = await keyManager.listRootKeys({ limit: 2, search: prefix }, context());

        expect(page.items).toHaveLength(2);
        expect(page.nextCursor).toBeNull();
        expect(await keyManager.listRootKeys({ search: randomUUID() }, context())).toEqual({
          items: [],
          nextCursor: null,
        });
      });

      it.each(["bm9uc2Vuc2U", "!!", ""])("refuses the cursor %j", async (cursor) => {
        expect(await failureOf(world.connect().listRootKeys({ cursor }, context()))).toMatchObject({
          failure: "rejected",
          code: "INVALID_CURSOR",
        });
      });
    });

    describe("rotation of a root key", () => {
      it("leaves old wraps readable, names the new version and offers the key wrapped under it", async () => {
        const keyManager = world.connect();
        const id = await world.makeRootKey("rotating");
        const kek = randomBytes(32);
        const wraps = [await keyManager.wrap(id, kek, ["x"], context())];

        for (let round = 0; round < 2; round += 1) {
          await world.rotateRootKey(id);
          wraps.push(await keyManager.wrap(id, kek, ["x"], context()));
        }

        const latest = wraps.at(-1)?.crkVersion;
        const key = await keyManager.getRootKey(id, context());
        expect(new Set(wraps.map(({ crkVersion }) => crkVersion)).size).toBe(3);
        expect(key.currentVersion).toBe(latest);

        for (const { bytes, crkVersion } of wraps) {
          const opened = await keyManager.unwrap(id, bytes, ["x"], context());
          expect(Buffer.from(opened.plaintext).equals(kek)).toBe(true);
          expect(opened.crkVersion).toBe(crkVersion);

          if (crkVersion === latest) {
            expect(opened.rewrapped).toBeUndefined();
            continue;
          }

          const rewrapped = need(opened.rewrapped);
          expect(rewrapped.crkVersion).toBe(latest);
          const again = await keyManager.unwrap(id, rewrapped.bytes, ["x"], context());
          expect(Buffer.from(again.plaintext).equals(kek)).toBe(true);
          expect(again.crkVersion).toBe(latest);
          expect(again.rewrapped).toBeUndefined();
          // The AAD went along.
          expect((await failureOf(keyManager.unwrap(id, rewrapped.bytes, ["y"], context()))).failure).toBe(
            "ciphertext",
          );
        }
      });
    });

    describe("a root key out of service", () => {
      testOf("disabling", "stops at a disabled one and goes on when it is enabled", async () => {
        const keyManager = world.connect();
        const id = await world.makeRootKey("disabled");
        const { bytes } = await keyManager.wrap(id, randomBytes(32), [], context());
        await need(world.disableRootKey).call(world, id);

        for (const attempt of [
          keyManager.unwrap(id, bytes, [], context()),
          keyManager.wrap(id, randomBytes(32), [], context()),
        ]) {
          expect(await failureOf(attempt)).toMatchObject({ failure: "keyState", definite: true });
        }

        expect((await keyManager.getRootKey(id, context())).state).toBe("suspended");
        await need(world.enableRootKey).call(world, id);
        expect((await keyManager.unwrap(id, bytes, [], context())).plaintext).toHaveLength(32);
      });

      it("stops at a deleted one", async () => {
        const keyManager = world.connect();
        const id = await world.makeRootKey("deleted");
        const { bytes } = await keyManager.wrap(id, randomBytes(32), [], context());
        await world.destroyRootKey(id);

        for (const attempt of [
          keyManager.unwrap(id, bytes, [], context()),
          keyManager.wrap(id, randomBytes(32), [], context()),
        ]) {
          const error = await failureOf(attempt);

          expect(GONE).toContain(error.failure);
          expect(error.definite).toBe(true);
        }

        const seen = await keyManager.getRootKey(id, context()).then(
          ({ state }) => state,
          (error: KeyManagerError) => error.failure,
        );
        expect(["destroyed", ...GONE]).toContain(seen);
        const { items } = await keyManager.listRootKeys({ search: "deleted" }, context());
        expect(items.map((key) => key.id)).not.toContain(id);
      });
    });

    describe("who may", () => {
      testOf("credentials", "refuses credentials that nobody knows, without showing them", async () => {
        const stranger = need(world.connectAsStranger).call(world);
        const kek = randomBytes(32);
        const error = await failureOf(stranger.wrap(rootKey, kek, [], context()));

        expect(error).toMatchObject({ failure: "credentials", definite: true });
        expectDiscreet(error, kek);
      });

      testOf("permissions", "notices that permission was withdrawn, and that it is back", async () => {
        const keyManager = world.connect();
        const kek = randomBytes(32);
        const { bytes } = await keyManager.wrap(rootKey, kek, [], context());
        const { id } = await keyManager.createStandardKey({ ...marks(), payload: bytes }, context());
        await need(world.withdrawPermission).call(world);

        try {
          for (const attempt of [
            () => keyManager.unwrap(rootKey, bytes, [], context()),
            () => keyManager.wrap(rootKey, kek, [], context()),
            () => keyManager.getStandardKey(id, context()),
            () => keyManager.createStandardKey({ ...marks(), payload: bytes }, context()),
            () => keyManager.deleteStandardKey(id, context()),
          ]) {
            const error = await failureOf(attempt());

            expect(error).toMatchObject({ failure: "forbidden", definite: true });
            expectDiscreet(error, kek, bytes);
          }
        } finally {
          await need(world.grantPermission).call(world);
        }

        const { plaintext } = await keyManager.unwrap(rootKey, bytes, [], context());
        expect(Buffer.from(plaintext).equals(kek)).toBe(true);
        expect((await keyManager.getStandardKey(id, context())).id).toBe(id);
      });
    });

    describe("in trouble", () => {
      testOf("throttledTwice", "bears a short throttling", async () => {
        const keyManager = world.connect();
        const kek = randomBytes(32);
        const { bytes } = await inTrouble("throttledTwice", () =>
          keyManager.wrap(rootKey, kek, [], context()),
        );

        expect(
          Buffer.from((await keyManager.unwrap(rootKey, bytes, [], context())).plaintext).equals(kek),
        ).toBe(true);
      });

      testOf("throttledTwice", "makes one standard key through a short throttling", async () => {
        const keyManager = world.connect();
        const wanted = marks();
        const { id } = await inTrouble("throttledTwice", () =>
          keyManager.createStandardKey({ ...wanted, payload: randomBytes(8) }, context()),
        );

        expect(await keyManager.findStandardKeys(wanted, context())).toEqual([{ id }]);
      });

      testOf("throttled", "says `throttled` when it lasts, and has made nothing", async () => {
        const keyManager = world.connect();
        const wanted = marks();
        // An adapter may try for as long as the call may take.
        const short = () => context({ timeoutMs: 1_000 });
        const [wrapping, creating] = await inTrouble("throttled", async () => [
          await failureOf(keyManager.wrap(rootKey, randomBytes(32), [], short())),
          await failureOf(keyManager.createStandardKey({ ...wanted, payload: randomBytes(8) }, short())),
        ]);

        expect(wrapping).toMatchObject({ failure: "throttled", definite: false, retryAfterMs: null });
        // Its time may end while an attempt is under way, of which nobody knows then what became.
        expect(["throttled", "timeout"]).toContain(creating?.failure);
        expect(creating?.definite).toBe(false);
        expect(await keyManager.findStandardKeys(wanted, context())).toEqual([]);
      });

      testOf(
        "throttledFor120Seconds",
        "says how long it was asked to wait, and does not wait that long",
        async () => {
          const keyManager = world.connect();
          const error = await inTrouble("throttledFor120Seconds", () =>
            failureOf(keyManager.wrap(rootKey, randomBytes(32), [], context())),
          );

          expect(error).toMatchObject({ failure: "throttled", definite: false, retryAfterMs: 120_000 });
        },
      );

      testOf("silent", "ends when its time is up", async () => {
        const keyManager = world.connect();
        const error = await inTrouble("silent", () =>
          failureOf(keyManager.wrap(rootKey, randomBytes(32), [], context({ timeoutMs: 200 }))),
        );

        expect(error).toMatchObject({ failure: "timeout", definite: false });
      });

      testOf("silent", "ends when its caller gives up", async () => {
        const keyManager = world.connect();
        const controller = new AbortController();
        const error = await inTrouble("silent", () => {
          const failing = failureOf(
            keyManager.wrap(rootKey, randomBytes(32), [], context({ signal: controller.signal })),
          );
          controller.abort();

          return failing;
        });

        expect(error).toMatchObject({ failure: "timeout", code: "CANCELLED", definite: false });
      });

      for (const kind of ["unreachable", "broken", "foreign", "empty"] as const) {
        testOf(
          kind,
          `takes a key manager that is ${kind} for an outage, and works when it is over`,
          async () => {
            const keyManager = world.connect();
            const kek = randomBytes(32);
            const { bytes } = await keyManager.wrap(rootKey, kek, ["a"], context());
            const wanted = marks();
            const { id } = await keyManager.createStandardKey({ ...wanted, payload: bytes }, context());
            await inTrouble(kind, async () => {
              for (const attempt of [
                () => keyManager.wrap(rootKey, kek, [], context()),
                () => keyManager.unwrap(rootKey, bytes, ["a"], context()),
                () => keyManager.getStandardKey(id, context()),
                () => keyManager.createStandardKey({ ...marks(), payload: bytes }, context()),
                () => keyManager.getRootKey(rootKey, context()),
              ]) {
                const error = await failureOf(attempt());

                expect(OUTAGES).toContain(error.failure);
                expect(error.definite).toBe(false);
                expectDiscreet(error, kek, bytes);
              }
            });

            // At once or after a pause: an adapter may leave a key manager in trouble alone for a moment.
            await vi.waitFor(
              async () => {
                const { plaintext } = await keyManager.unwrap(rootKey, bytes, ["a"], context());
                expect(Buffer.from(plaintext).equals(kek)).toBe(true);
              },
              { timeout: 15_000, interval: 50 },
            );
            expect(await keyManager.findStandardKeys(wanted, context())).toEqual([{ id }]);
          },
        );
      }

      testOf("empty", "does not take an empty answer for the absence of a key", async () => {
        const keyManager = world.connect();
        const { id } = await keyManager.createStandardKey({ ...marks(), payload: randomBytes(8) }, context());
        const error = await inTrouble("empty", () => failureOf(keyManager.getStandardKey(id, context())));

        expect(GONE).not.toContain(error.failure);
      });
    });

    describe("a call's limits", () => {
      it("is refused when the caller gave up before", async () => {
        const keyManager = world.connect();
        const controller = new AbortController();
        controller.abort();
        const wanted = marks();
        const call = context({ signal: controller.signal });

        for (const attempt of [
          () => keyManager.wrap(rootKey, randomBytes(32), [], call),
          () => keyManager.createStandardKey({ ...wanted, payload: randomBytes(8) }, call),
        ]) {
          expect(await failureOf(attempt())).toMatchObject({ failure: "timeout", code: "CANCELLED" });
        }

        expect(await keyManager.findStandardKeys(wanted, context())).toEqual([]);
      });

      it("ties errors to its correlation id", async () => {
        const call = context();
        const error = await failureOf(world.connect().getStandardKey(randomUUID(), call));

        expect(error.correlationId).toBe(call.correlationId);
      });

      it("is refused after the adapter was closed, which may happen twice", async () => {
        const keyManager = world.connect();
        await keyManager.close();
        await keyManager.close();

        expect((await failureOf(keyManager.getRootKey(rootKey, context()))).failure).toBe("unreachable");
      });
    });

    describe("many at once", () => {
      it("mixes nothing up", async () => {
        const keyManager = world.connect();
        const made = await Promise.all(
          Array.from({ length: 40 }, async () => {
            const kek = randomBytes(32);
            const wanted = marks();
            const { bytes } = await keyManager.wrap(rootKey, kek, [wanted.name], context());
            const { id } = await keyManager.createStandardKey({ ...wanted, payload: bytes }, context());

            return { kek, wanted, id };
          }),
        );

        expect(new Set(made.map(({ id }) => id)).size).toBe(40);
        await Promise.all(
          made.map(async ({ kek, wanted, id }) => {
            const [first, second, found] = await Promise.all([
              keyManager.getStandardKey(id, context()),
              keyManager.getStandardKey(id, context()),
              keyManager.findStandardKeys(wanted, context()),
            ]);
            expect(found).toEqual([{ id }]);
            expect(first).toMatchObject({ id, name: wanted.name });
            // A caller's bytes are its own.
            second.payload.fill(0);
            const { plaintext } = await keyManager.unwrap(rootKey, first.payload, [wanted.name], context());
            expect(Buffer.from(plaintext).equals(kek)).toBe(true);
          }),
        );
      });

      it("lets a key be deleted by several at once", async () => {
        const keyManager = world.connect();
        const { id } = await keyManager.createStandardKey({ ...marks(), payload: randomBytes(8) }, context());
        await Promise.all(Array.from({ length: 6 }, () => keyManager.deleteStandardKey(id, context())));

        expect(GONE).toContain((await failureOf(keyManager.getStandardKey(id, context()))).failure);
      });

      it("answers a read that is asked for after a deletion with the deletion", async () => {
        const keyManager = world.connect();

        for (let round = 0; round < 5; round += 1) {
          const { id } = await keyManager.createStandardKey(
            { ...marks(), payload: randomBytes(8) },
            context(),
          );
          // Reads under way, which may see the key or not.
          const early = Array.from({ length: 20 }, () =>
            keyManager.getStandardKey(id, context()).catch((error: unknown) => error),
          );
          await keyManager.deleteStandardKey(id, context());

          expect(GONE).toContain((await failureOf(keyManager.getStandardKey(id, context()))).failure);
          await Promise.all(early);
        }
      });
    });

    describe("a call that dies between any two of its requests", () => {
      /** Runs a task again and again, cut at its first request, its second, and so on, until it gets to its end. */
      async function cutEverywhere(
        task: (keyManager: KeyManager) => Promise<void>,
        check: (keyManager: KeyManager) => Promise<void>,
      ): Promise<number> {
        let cuts = 0;

        for (const when of ["before", "after"] as const) {
          for (let request = 1; ; request += 1) {
            const interruption = await need(world.interruptAt).call(world, request, when);

            try {
              await task(world.connect()).catch((error: unknown) => {
                expect(error).toBeInstanceOf(KeyManagerError);
                expect((error as KeyManagerError).definite).toBe(false);
              });
            } finally {
              await interruption.end();
            }

            await check(world.connect());

            if (!interruption.reached()) {
              break;
            }

            cuts += 1;
            expect(request).toBeLessThan(50);
          }
        }

        return cuts;
      }

      testOf("interruption", "leaves a whole standard key or none, which the marks find", async () => {
        const payload = randomBytes(600);
        let wanted = marks();
        const outcomes = new Set<number>();
        const cuts = await cutEverywhere(
          async (keyManager) => {
            wanted = marks();
            await keyManager.createStandardKey({ ...wanted, payload }, context());
          },
          async (keyManager) => {
            const found = await keyManager.findStandardKeys(wanted, context());
            outcomes.add(found.length);
            expect(found.length).toBeLessThanOrEqual(1);

            for (const { id } of found) {
              const key = await keyManager.getStandardKey(id, context());
              expect(Buffer.from(key.payload).equals(payload)).toBe(true);
              await keyManager.deleteStandardKey(id, context());
            }

            expect(await keyManager.findStandardKeys(wanted, context())).toEqual([]);
          },
        );

        expect(cuts).toBeGreaterThan(0);
        expect([...outcomes].toSorted()).toEqual([0, 1]);
      });

      testOf(
        "interruption",
        "leaves a key that is being deleted whole or gone, and deletes it when repeated",
        async () => {
          const payload = randomBytes(600);
          let wanted = marks();
          let id = "";
          const cuts = await cutEverywhere(
            async (keyManager) => {
              await keyManager.deleteStandardKey(id, context());
            },
            async (keyManager) => {
              if (id !== "") {
                const seen = await keyManager.getStandardKey(id, context()).then(
                  (key) => key.payload,
                  (error: KeyManagerError) => error.failure,
                );

                if (typeof seen === "string") {
                  expect(GONE).toContain(seen);
                } else {
                  expect(Buffer.from(seen).equals(payload)).toBe(true);
                }

                await keyManager.deleteStandardKey(id, context());
                expect(await keyManager.findStandardKeys(wanted, context())).toEqual([]);
              }

              wanted = marks();
              ({ id } = await keyManager.createStandardKey({ ...wanted, payload }, context()));
            },
          );

          expect(cuts).toBeGreaterThan(0);
        },
      );

      testOf("interruption", "can be repeated as a whole: wrap, keep, read, unwrap", async () => {
        const kek = randomBytes(32);
        let wanted = marks();
        const cuts = await cutEverywhere(
          async (keyManager) => {
            wanted = marks();
            const { bytes } = await keyManager.wrap(rootKey, kek, [wanted.name], context());
            const { id } = await keyManager.createStandardKey({ ...wanted, payload: bytes }, context());
            const key = await keyManager.getStandardKey(id, context());
            await keyManager.unwrap(rootKey, key.payload, [wanted.name], context());
          },
          async (keyManager) => {
            const found = await keyManager.findStandardKeys(wanted, context());

            for (const { id } of found) {
              const key = await keyManager.getStandardKey(id, context());
              const { plaintext } = await keyManager.unwrap(rootKey, key.payload, [wanted.name], context());
              expect(Buffer.from(plaintext).equals(kek)).toBe(true);
              await keyManager.deleteStandardKey(id, context());
            }
          },
        );

        expect(cuts).toBeGreaterThan(0);
      });
    });
  });
}

/** @throws Error for what a world neither has nor declared to lack */
function need<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error("The world has no such means: declare it in `lacks`, with the reason.");
  }

  return value;
}

/** Neither secrets nor ciphertext are in what an error shows, in any usual notation. */
function expectDiscreet(error: unknown, ...secrets: readonly Uint8Array[]): void {
  const shown = inspect(error, { depth: 10, showHidden: true });

  for (const bytes of secrets) {
    for (const encoding of ["base64", "base64url", "hex", "latin1"] as const) {
      expect(shown).not.toContain(Buffer.from(bytes).toString(encoding));
    }
  }

  expect(shown).not.toMatch(/eyJ[A-Za-z0-9_-]{20}/);
}
