/** Percona Server for MySQL with the C++ library kmipclient (8.4 and 9.x from 2026 on). */
import { expect, it } from "vitest";
import { requests } from "@/lib/kmip/client/client";
import { numberIn } from "@/lib/kmip/client/responses";
import { Operation } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { type Item, integer } from "@/lib/kmip/ttlv";
import { attributeOf } from "../kmip/payloads";
import { identifiersIn, type LiveClient, live } from "./live";

const endpoint = live();
const PAGE = 256;
const group = { name: "Object Group", value: { t: "text", v: "mysql" } } as const;
const type = { name: "Object Type", value: { t: "enumeration", v: 2 } } as const;

const locate = (offset: number) => ({
  operation: Operation.Locate,
  payload: [
    integer(Tag.MaximumItems, PAGE),
    ...(offset === 0 ? [] : [integer(Tag.OffsetItems, offset)]),
    attributeOf(type),
    attributeOf(group),
  ] satisfies Item[],
});

/** Stops at a short page, or when it has as many as the server has told. */
async function loadAll(
  client: LiveClient,
): Promise<{ found: string[]; told: (number | null)[]; asked: number }> {
  const found: string[] = [];
  const told: (number | null)[] = [];
  for (let asked = 1; asked < 10; asked += 1) {
    const payload = await client.ok(locate(found.length));
    const page = identifiersIn(payload);
    found.push(...page);
    told.push(numberIn(payload, Tag.LocatedItems));
    if (page.length < PAGE || found.length === told.at(-1)) {
      return { found, told, asked };
    }
  }
  throw new Error("never came to an end");
}

it.each([
  [3, 1],
  [256, 1],
  [600, 3],
])("finds %i keys in %i pages, and is told how many there are", async (count, pages) => {
  const mysql = await endpoint.connect({ version: "1.4", maximumResponseSize: 1_048_576 });
  const made: string[] = [];
  for (let n = 0; n < count; n += 100) {
    const batch = Array.from({ length: Math.min(100, count - n) }, () =>
      requests.create({ attributes: [group] }),
    );
    made.push(...(await mysql.batch(...batch)).flatMap(({ payload }) => identifiersIn(payload)));
  }
  const { found, told, asked } = await loadAll(mysql);
  expect(found.sort()).toEqual(made.sort());
  expect(told).toEqual(Array.from({ length: pages }, () => count));
  expect(asked).toBe(pages);
});
