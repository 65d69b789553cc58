import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Actor } from "@/lib/core/actor";
import { AppError } from "@/lib/core/errors";
import { type KekFilters, type KekSort, listKeks } from "@/lib/core/keks/list-keks";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import type { Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { actorOf, addAccount, custom, newObject } from "@/test/support/kek-fixtures";
import { countsOf, createKek, createWorld, type World } from "./world";

let world: World;
let store: DatabaseKeyStore;
let administrator: Actor;

beforeAll(async () => {
  world = await createWorld();
  store = await world.endpoint();
  administrator = actorOf(world.accountId);
});

afterAll(() => world.close());

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AppError) {
      return error.code;
    }

    throw error;
  }

  return "none";
}

describe("the list of KEKs", () => {
  let own: Tenant;
  const now = new Date("2026-12-15T00:00:00.000Z");

  async function page(filters: Partial<KekFilters>, actor = administrator) {
    return listKeks(actor, own.instanceId, { limit: 200, ...filters }, now);
  }

  async function identifiers(filters: Partial<KekFilters>): Promise<string[]> {
    return (await page(filters)).items.map((item) => item.uniqueIdentifier);
  }

  beforeAll(async () => {
    own = await world.instance();

    const days = (count: number) => new Date(now.getTime() - count * 86_400_000);
    const nameOf = (name: string) =>
      ({
        Name: [
          {
            i: 0,
            v: {
              t: "structure",
              v: [
                { tag: Tag.NameValue, value: { t: "text", v: name } },
                { tag: Tag.NameType, value: { t: "enumeration", v: 1 } },
              ],
            },
          },
        ],
      }) as const;
    const date = (name: string, when: Date) =>
      ({ [name]: [{ i: 0, v: { t: "dateTime", v: when.getTime() / 1_000 } }] }) as const;

    for (let index = 0; index < 40; index += 1) {
      const uniqueIdentifier = `kek-${String(index).padStart(2, "0")}`;
      const attributes = {
        ...(index % 4 === 0 ? {} : nameOf(`name ${index % 7}`)),
        ...custom("x-Product", index % 5 === 0 ? "100% vSphere_8" : "other"),
        ...(index === 6 ? custom("Acme:Tier", "gold") : {}),
        ...(index === 1 ? date("Activation Date", days(1)) : {}),
        ...(index === 2 ? date("Activation Date", days(-1)) : {}),
        ...(index === 3 ? date("Deactivation Date", days(1)) : {}),
      };
      const state = index === 3 ? State.Active : index < 3 ? State.PreActive : State.Deactivated;

      await createKek(store, own, newObject({ uniqueIdentifier, attributes, state }));
      await world.test.database.pool.query(
        `UPDATE managed_object SET created_at = $2, last_served_at = $3, crk_version = $4
         WHERE unique_identifier = $1`,
        [
          uniqueIdentifier,
          days(200 - (index % 10)),
          index % 3 === 0 ? null : days(index * 3),
          index % 2 === 0 ? "v1" : "v2",
        ],
      );
    }
  });

  it("pages through every order without loss or repetition, whatever the size of a page", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<KekSort>("createdAt", "-createdAt", "lastServedAt", "name"),
        fc.integer({ min: 1, max: 45 }),
        fc.constantFrom(undefined, "v1"),
        async (sort, limit, crkVersion) => {
          const whole = await identifiers({ sort, crkVersion });
          const paged: string[] = [];
          let cursor: string | undefined;

          do {
            const { items, nextCursor } = await page({ sort, limit, cursor, crkVersion });

            expect(items.length).toBeLessThanOrEqual(limit);
            paged.push(...items.map((item) => item.uniqueIdentifier));
            cursor = nextCursor ?? undefined;
          } while (cursor);

          expect(paged).toEqual(whole);
          expect(whole).toHaveLength(crkVersion ? 20 : 40);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("orders as asked: never served first, nameless last, oldest or newest", async () => {
    const byUse = (await page({ sort: "lastServedAt" })).items.map((item) => item.lastServedAt);
    const firstServed = byUse.findIndex((at) => at !== null);

    expect(byUse.slice(firstServed).every((at) => at !== null)).toBe(true);
    expect(byUse.slice(firstServed).map(Number)).toEqual(
      byUse
        .slice(firstServed)
        .map(Number)
        .sort((a, b) => a - b),
    );
    expect(firstServed).toBe(14);

    const names = (await page({ sort: "name" })).items.map((item) => item.name);

    expect(names.slice(30)).toEqual(Array(10).fill(null));
    expect(names.slice(0, 30)).not.toContain(null);

    const ages = (await page({ sort: "createdAt" })).items.map((item) => item.createdAt.getTime());

    expect(ages).toEqual([...ages].sort((a, b) => a - b));
    expect(await identifiers({ sort: "-createdAt" })).toEqual(
      (await identifiers({ sort: "createdAt" })).reverse(),
    );
  });

  it("narrows by the state that dates have brought about", async () => {
    expect((await identifiers({ state: "preActive" })).sort()).toEqual(["kek-00", "kek-02"]);
    expect(await identifiers({ state: "active" })).toEqual(["kek-01"]);
    expect(await identifiers({ state: "deactivated" })).toHaveLength(37);
    expect(await identifiers({ state: "compromised" })).toEqual([]);

    for (const item of (await page({})).items) {
      expect(await identifiers({ state: item.state })).toContain(item.uniqueIdentifier);
    }
  });

  it("finds parts of identifier, name and custom attributes, and takes wildcards literally", async () => {
    expect(await identifiers({ search: "EK-07" })).toEqual(["kek-07"]);
    expect(await identifiers({ search: "100% vsphere_8" })).toHaveLength(8);
    expect(await identifiers({ search: "%" })).toHaveLength(8);
    expect(await identifiers({ search: "GOLD" })).toEqual(["kek-06"]);
    expect(await identifiers({ search: "100_" })).toEqual([]);
    expect(await identifiers({ search: "name 3" })).toEqual(
      expect.arrayContaining(["kek-03", "kek-10", "kek-17"]),
    );
    expect(await identifiers({ search: "a\0'; DROP TABLE managed_object" })).toEqual([]);
  });

  it("narrows by use, certificate and CRK version", async () => {
    expect(await identifiers({ usage: "never" })).toHaveLength(14);
    expect(await identifiers({ usage: "recent" })).toHaveLength(
      [1, 2, 4, 5, 7, 8, 10].filter((index) => index * 3 <= 30).length,
    );
    expect((await identifiers({ usage: "unused30d" })).length).toBe(33);
    expect((await identifiers({ usage: "unused90d" })).length).toBeGreaterThan(14);
    expect(await identifiers({ certificateId: own.certificateId })).toHaveLength(40);
    expect(await identifiers({ certificateId: randomUUID() })).toEqual([]);
    expect(await identifiers({ crkVersion: "v2" })).toHaveLength(20);
  });

  it("refuses cursors of another list, order or shape", async () => {
    const { nextCursor } = await page({ sort: "name", limit: 5 });
    const cursor = nextCursor ?? "";

    expect(await codeOf(page({ sort: "createdAt", cursor }))).toBe("INVALID_CURSOR");
    expect(await codeOf(page({ cursor: "x" }))).toBe("INVALID_CURSOR");

    const forged = (values: unknown[]) => Buffer.from(JSON.stringify(values)).toString("base64url");

    expect(await codeOf(page({ sort: "createdAt", cursor: forged(["createdAt", 0, "soon", "k"]) }))).toBe(
      "INVALID_CURSOR",
    );
    expect(await codeOf(page({ sort: "name", cursor: forged(["name", 0, null, "k"]) }))).toBe(
      "INVALID_CURSOR",
    );
  });

  it("is the account's own, and hides what was never acknowledged", async () => {
    expect(await codeOf(page({}, actorOf(await addAccount(world.test.database))))).toBe("NOT_FOUND");

    const [first] = await identifiers({});

    await world.test.database.pool.query(
      "UPDATE managed_object SET storage = 'storing' WHERE unique_identifier = $1",
      [first],
    );
    expect(await identifiers({})).not.toContain(first);
    await world.test.database.pool.query(
      "UPDATE managed_object SET storage = 'stored' WHERE unique_identifier = $1",
      [first],
    );
  });

  it("shows a KEK in the words of the API", async () => {
    const { items } = await page({ search: "kek-05" });

    expect(items[0]).toMatchObject({
      objectType: "SymmetricKey",
      algorithm: "AES",
      length: 256,
      usage: ["Encrypt", "Decrypt"],
      attributes: { "x-Product": ["100% vSphere_8"] },
      createdByCertificate: { id: own.certificateId, name: expect.stringMatching(/^vcenter-/) },
      crkId: world.crkId,
    });
    expect((await countsOf(world, own)).keks).toBe(40);
  });
});
