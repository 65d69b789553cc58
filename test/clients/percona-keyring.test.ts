/** Percona Server for MySQL, component_keyring_kmip with the C library libkmip (until 2026). */
import { expect, it } from "vitest";
import { requests } from "@/lib/kmip/client/client";
import { Operation } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { dateTime, type Item, integer } from "@/lib/kmip/ttlv";
import { attributeOf, registerKey, usageMask } from "../kmip/payloads";
import { identifiersIn, live, materialIn } from "./live";

const endpoint = live();
const group = { name: "Object Group", value: { t: "text", v: "mysql" } } as const;
const type = { name: "Object Type", value: { t: "enumeration", v: 2 } } as const;
const key = (n: number) => Buffer.alloc(32, n + 1);

const register = (n: number) =>
  registerKey(key(n), [
    usageMask(12),
    group,
    {
      name: "Name",
      value: {
        t: "structure",
        v: [
          { tag: Tag.NameValue, value: { t: "text", v: `INNODBKey-${n}` } },
          { tag: Tag.NameType, value: { t: "enumeration", v: 1 } },
        ],
      },
    },
  ]);

const locate = (offset?: number) => ({
  operation: Operation.Locate,
  payload: [
    integer(Tag.MaximumItems, 16),
    ...(offset === undefined ? [] : [integer(Tag.OffsetItems, offset)]),
    attributeOf(type),
    attributeOf(group),
  ] satisfies Item[],
});

it.each([0, 1, 16, 40])(
  "loads its cache of %i keys in 1.0, page after page until one is empty",
  async (count) => {
    const mysql = await endpoint.connect({
      version: "1.0",
      maximumResponseSize: 8192,
      header: [dateTime(Tag.TimeStamp, BigInt(Math.floor(Date.now() / 1000)))],
    });
    const made = new Map<string, Buffer>();
    for (let n = 0; n < count; n += 1) {
      made.set(await mysql.speaking("1.4").make(register(n)), key(n));
    }
    await mysql.make(registerKey(key(99), [usageMask(12)]));
    const found: string[] = [];
    let page = identifiersIn(await mysql.ok(locate()));
    for (let requestsLeft = 10; page.length > 0 && requestsLeft > 0; requestsLeft -= 1) {
      expect(page.length).toBeLessThanOrEqual(16);
      found.push(...page);
      page = identifiersIn(await mysql.ok(locate(found.length)));
    }
    expect(page).toEqual([]);
    expect(found.sort()).toEqual([...made.keys()].sort());
    for (const identifier of found) {
      expect(materialIn(await mysql.ok(requests.get(identifier)))).toEqual(made.get(identifier));
      expect(await mysql.attribute(identifier, "Name")).toHaveLength(1);
    }
  },
);
