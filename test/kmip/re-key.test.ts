import { describe, expect, it } from "vitest";
import { nameAttribute, requests } from "@/lib/kmip/client/client";
import { attributesIn } from "@/lib/kmip/client/responses";
import {
  CryptographicUsageMask,
  LinkType,
  Operation,
  ResultReason,
  RevocationReasonCode,
  State,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { type Item, interval } from "@/lib/kmip/ttlv";
import { date, hex, Objects, on, registerKey, registerSecret, template, usageMask } from "./payloads";

const KEY = hex("000102030405060708090a0b0c0d0e0f");
const { InvalidMessage, InvalidField, IllegalOperation, ItemNotFound, PermissionDenied } = ResultReason;
const mask = usageMask(CryptographicUsageMask.Encrypt);

const reKey = (identifier: string, ...fields: Item[]) => on(Operation.ReKey, identifier, fields);
const offset = (seconds: number) => interval(Tag.Offset, seconds);
const custom = { name: "x-Product", value: { t: "text", v: "vSphere" } } as const;

describe("Re-key (4.4)", () => {
  it("makes a new key with the attributes and the names of the old one, linked to each other", async () => {
    const objects = new Objects();
    const old = await objects.activeKey(KEY, [mask, nameAttribute("a"), nameAttribute("b"), custom]);
    await objects.ok(requests.revoke(old, RevocationReasonCode.KeyCompromise));
    const replacement = await objects.make(reKey(old));
    expect(replacement).not.toBe(old);
    const key = await objects.key(replacement);
    expect([key.length, key.equals(KEY)]).toEqual([16, false]);
    expect(await objects.attribute(replacement, "x-Product")).toBe("vSphere");
    expect(await objects.attribute(replacement, "State")).toBe(State.Active);
    for (const name of ["Compromise Date", "Compromise Occurrence Date", "Revocation Reason"]) {
      expect(await objects.attribute(replacement, name)).toBeUndefined();
    }
    const all = attributesIn(await objects.ok(requests.getAttributes(replacement)));
    expect(all.filter(({ name }) => name === "Name")).toHaveLength(2);
    expect(await objects.attribute(old, "Name")).toBeUndefined();
    const link = async (identifier: string) => JSON.stringify(await objects.attribute(identifier, "Link"));
    expect(await link(old)).toContain(`"v":${LinkType.ReplacementObjectLink}`);
    expect(await link(old)).toContain(replacement);
    expect(await link(replacement)).toContain(`"v":${LinkType.ReplacedObjectLink}`);
    expect(await link(replacement)).toContain(old);
    const located = await objects.ok(requests.locate([nameAttribute("a")]));
    expect(located.map(({ value }) => value)).toEqual([replacement]);
    expect((await objects.key(old)).equals(KEY)).toBe(true);
    expect(await objects.attribute(replacement, "Digest")).not.toEqual(
      await objects.attribute(old, "Digest"),
    );
  });

  it("is refused for a key that the key owner has revoked, before and while its replacement is made", async () => {
    const objects = new Objects();
    const old = await objects.activeKey(KEY, [mask, nameAttribute("a")]);
    objects.store.setServed("instance-a", old, false);
    const refused = await objects.result(reKey(old));
    expect(refused).toMatchObject({ resultReason: PermissionDenied });
    expect(refused.message).toContain("revoked by the key owner");
    expect(objects.store.objects("instance-a")).toHaveLength(1);
    objects.store.setServed("instance-a", old, true);
    const create = objects.store.create.bind(objects.store);
    objects.store.create = async (...given) => {
      const made = await create(...given);
      objects.store.setServed("instance-a", old, false);
      return made;
    };
    expect(await objects.reason(reKey(old))).toBe(PermissionDenied);
    const [kept, replacement] = objects.store.objects("instance-a");
    expect(kept).toMatchObject({ uniqueIdentifier: old, served: false });
    expect(kept?.attributes.Name).toHaveLength(1);
    expect(kept?.attributes.Link).toBeUndefined();
    expect(replacement?.state).toBe(State.Destroyed);
  });

  it("sets the ID Placeholder to the replacement", async () => {
    const objects = new Objects();
    const old = await objects.make(registerKey(KEY));
    const { items } = await objects.send("1.0", [reKey(old), requests.get()]);
    expect(items.map(({ resultReason }) => resultReason)).toEqual([null, null]);
    expect(items[1]?.payload[1]?.value).toBe(items[0]?.payload[0]?.value);
  });

  it("done again, leaves the old key with one replacement, the newest (3.35)", async () => {
    const objects = new Objects();
    const old = await objects.make(registerKey(KEY));
    await objects.make(reKey(old));
    const replacement = await objects.make(reKey(old));
    const links = attributesIn(await objects.ok(requests.getAttributes(old, ["Link"])));
    expect(links).toHaveLength(1);
    expect(JSON.stringify(links)).toContain(replacement);
  });

  it("shifts the dates by the Offset (Table 172)", async () => {
    const objects = new Objects();
    const start = objects.now();
    const at = (name: string, seconds: number) => date(name, start + seconds);
    const old = await objects.make(
      registerKey(KEY, [
        mask,
        at("Activation Date", 100),
        at("Process Start Date", 150),
        at("Protect Stop Date", 180),
        at("Deactivation Date", 200),
      ]),
    );
    objects.clock.advance(1000);
    const replacement = await objects.make(reKey(old, offset(30)));
    expect(await objects.attribute(replacement, "Activation Date")).toBe(start + 1030);
    expect(await objects.attribute(replacement, "Process Start Date")).toBe(start + 1080);
    expect(await objects.attribute(replacement, "Protect Stop Date")).toBe(start + 1110);
    expect(await objects.attribute(replacement, "Deactivation Date")).toBe(start + 1130);
    expect(await objects.attribute(replacement, "State")).toBe(State.PreActive);
    const copied = await objects.make(reKey(old));
    expect(await objects.attribute(copied, "Deactivation Date")).toBe(start + 200);
  });

  it("gives the replacement the whole of the Usage Limits", async () => {
    const objects = new Objects();
    const created = await objects.activeKey(KEY, [
      mask,
      {
        name: "Usage Limits",
        value: {
          t: "structure",
          v: [
            { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: "8" } },
            { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: 2 } },
          ],
        },
      },
    ]);
    const { longInteger } = await import("@/lib/kmip/ttlv");
    await objects.ok(on(Operation.GetUsageAllocation, created, [longInteger(Tag.UsageLimitsCount, 5n)]));
    const replacement = await objects.make(reKey(created));
    expect(JSON.stringify(await objects.attribute(replacement, "Usage Limits"))).not.toContain('"3"');
    expect(JSON.stringify(await objects.attribute(created, "Usage Limits"))).toContain('"3"');
  });

  it("refuses what cannot be re-keyed (11.5)", async () => {
    const objects = new Objects();
    const old = await objects.make(registerKey(KEY));
    const activation = template([date("Activation Date", objects.now())]);
    expect(await objects.reason(reKey(old, offset(1), activation))).toBe(InvalidMessage);
    expect(await objects.reason(reKey(old, template([nameAttribute("n")])))).toBe(InvalidField);
    expect(await objects.reason(reKey(old), objects.stranger)).toBe(ItemNotFound);
    const dated = await objects.make(registerKey(KEY, [mask, date("Deactivation Date", objects.now(9))]));
    expect(await objects.reason(reKey(dated, offset(1)))).toBe(IllegalOperation);
    expect(await objects.reason(reKey(await objects.make(registerSecret(KEY))))).toBe(PermissionDenied);
    await objects.ok(requests.destroy(old));
    expect(await objects.reason(reKey(old))).toBe(PermissionDenied);
    await objects.ok(on(Operation.Archive, dated));
    expect(await objects.reason(reKey(dated))).toBe(ResultReason.ObjectArchived);
  });

  it("leaves no key behind if the old one cannot be linked to it", async () => {
    const objects = new Objects();
    const old = await objects.make(registerKey(KEY, [mask, nameAttribute("n")]));
    objects.store.failNext("update", "unavailable");
    expect(await objects.reason(reKey(old))).toBe(ResultReason.GeneralFailure);
    expect(objects.store.livingCount("instance-a")).toBe(1);
    expect(await objects.attribute(old, "Name")).toBeDefined();
  });
});
