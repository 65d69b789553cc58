import { randomBytes, randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { KeyProtect } from "@/lib/key-managers/key-protect/adapter";
import { call, makeRootKey, sandboxForTests } from "./support/sandbox";

/** More than a search covers, and more than the largest page. */
const KEYS = 5_040;
const test = sandboxForTests();
const description = "Wrapped KEK of a test";
const nameOf = (index: number) => `kek-${index}`;
const ids: string[] = [];
let keyManager: KeyProtect;

beforeAll(async () => {
  keyManager = test.connect("key-protect");
  let next = 0;
  const maker = async () => {
    while (next < KEYS) {
      const index = next;
      next += 1;
      const key = { name: nameOf(index), description, payload: Buffer.from([1]) };
      ids[index] = (await keyManager.createStandardKey(key, call)).id;
    }
  };
  await Promise.all(Array.from({ length: 16 }, maker));
}, 120_000);

const find = (name: string) => keyManager.findStandardKeys({ name, description }, call);

describe("a key manager instance with more keys than a search covers", () => {
  it("is looked through to the end: first, middle, last, none", async () => {
    let searches = 0;
    let pages = 0;
    test.fault = async (request, next) => {
      const isList = request.method === "GET" && request.segments.at(-1) === "keys";
      searches += isList && request.query.has("search") ? 1 : 0;
      pages += isList && !request.query.has("search") ? 1 : 0;

      return next();
    };

    for (const index of [0, 999, 1_000, KEYS / 2, KEYS - 1]) {
      expect(await find(nameOf(index))).toEqual([{ id: ids[index] }]);
    }

    test.fault = null;
    expect(searches).toBe(5);
    expect(pages).toBeGreaterThanOrEqual(5 * 6);
    expect(await find(randomUUID())).toEqual([]);
  });

  it("gives both keys of one name, wherever they are", async () => {
    const { id } = await keyManager.createStandardKey(
      { name: nameOf(7), description, payload: randomBytes(8) },
      call,
    );

    expect((await find(nameOf(7))).map((key) => key.id).toSorted()).toEqual([id, ids[7] ?? ""].toSorted());
    await keyManager.deleteStandardKey(id, call);
  });

  it("misses no key when others are deleted between two pages", async () => {
    let page = 0;
    test.fault = async (request, next) => {
      const isPage =
        request.method === "GET" && request.segments.at(-1) === "keys" && !request.query.has("search");
      const response = await next();

      if (isPage) {
        page += 1;

        // From the part that was read already: everything behind it moves forward.
        if (page === 1) {
          await Promise.all(
            ids.slice(100, 150).map((id) => test.administer("key-protect", "DELETE", `/keys/${id}`)),
          );
        }
      }

      return response;
    };
    // The first of the second page, had nothing moved.
    const found = await find(nameOf(1_000));
    test.fault = null;

    expect(found).toEqual([{ id: ids[1_000] }]);
  });

  it("lists its few root keys among them", async () => {
    const id = await makeRootKey(test, "one-among-thousands");

    expect((await keyManager.listRootKeys({ search: "one-among" }, call)).items).toMatchObject([{ id }]);
    expect((await keyManager.getStandardKey(ids.at(-1) ?? "", call)).name).toBe(nameOf(KEYS - 1));
  });
});
