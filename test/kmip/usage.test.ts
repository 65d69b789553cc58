import { describe, expect, it } from "vitest";
import { requests } from "@/lib/kmip/client/client";
import { textIn } from "@/lib/kmip/client/responses";
import type { StoredValue } from "@/lib/kmip/ports";
import {
  CryptographicUsageMask,
  Operation,
  ResultReason,
  RevocationReasonCode,
  UsageLimitsUnit,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { dateTime, integer, interval, longInteger } from "@/lib/kmip/ttlv";
import { date, hex, Objects, on, registerKey, registerOpaque, usageMask } from "./payloads";

const KEY = hex("000102030405060708090a0b0c0d0e0f");
const { PermissionDenied, IllegalOperation, ItemNotFound, ObjectArchived, InvalidMessage, InvalidField } =
  ResultReason;
const { Encrypt, Decrypt, WrapKey } = CryptographicUsageMask;

const limits = (total: number, unit: number = UsageLimitsUnit.Object) => ({
  name: "Usage Limits",
  value: {
    t: "structure",
    v: [
      { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: String(total) } },
      { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: unit } },
    ],
  } satisfies StoredValue,
});

const allocate = (identifier: string, count: number) =>
  on(Operation.GetUsageAllocation, identifier, [longInteger(Tag.UsageLimitsCount, BigInt(count))]);

const countOf = async (objects: Objects, identifier: string) =>
  JSON.stringify(await objects.attribute(identifier, "Usage Limits"));

describe("Get Usage Allocation (4.18)", () => {
  it("takes what is asked for until nothing is left", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY, [usageMask(Encrypt), limits(10)]);
    await objects.ok(allocate(identifier, 7));
    expect(await countOf(objects, identifier)).toContain('"v":"3"');
    expect(await objects.reason(allocate(identifier, 4))).toBe(PermissionDenied);
    await objects.ok(allocate(identifier, 3));
    expect(await objects.reason(allocate(identifier, 1))).toBe(PermissionDenied);
  });

  it("loses nothing when others change the key at the same time", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY, [usageMask(Encrypt), limits(10)]);
    objects.store.failNext("update", "conflict");
    await objects.ok(allocate(identifier, 7));
    expect(await countOf(objects, identifier)).toContain('"v":"3"');
  });

  it("wants a key that is active, has limits, and protects (11.19)", async () => {
    const objects = new Objects();
    const reason = async (identifier: string) => objects.reason(allocate(identifier, 1));
    expect(await reason(await objects.activeKey(KEY, [usageMask(Encrypt)]))).toBe(IllegalOperation);
    expect(await reason(await objects.activeKey(KEY, [usageMask(Decrypt), limits(1)]))).toBe(
      IllegalOperation,
    );
    expect(await reason(await objects.make(registerKey(KEY, [usageMask(Encrypt), limits(1)])))).toBe(
      PermissionDenied,
    );
    const stopped = [usageMask(Encrypt), limits(1), date("Protect Stop Date", objects.now(-1))];
    expect(await reason(await objects.activeKey(KEY, stopped))).toBe(PermissionDenied);
    const identifier = await objects.activeKey(KEY, [usageMask(Encrypt), limits(1)]);
    expect(await objects.reason(on(Operation.GetUsageAllocation, identifier))).toBe(InvalidMessage);
    expect(await objects.reason(allocate(identifier, -1))).toBe(InvalidField);
    expect(await objects.reason(allocate(identifier, 1), objects.stranger)).toBe(ItemNotFound);
  });

  it("freezes the limits (3.21)", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY, [usageMask(Encrypt), limits(10)]);
    await objects.ok(requests.modifyAttribute(identifier, limits(20)));
    await objects.ok(allocate(identifier, 1));
    expect(await objects.reason(requests.modifyAttribute(identifier, limits(30)))).toBe(PermissionDenied);
    expect(await objects.reason(requests.deleteAttribute(identifier, "Usage Limits"))).toBe(PermissionDenied);
    const other = await objects.activeKey(KEY, [usageMask(Encrypt), limits(10)]);
    await objects.ok(requests.deleteAttribute(other, "Usage Limits"));
  });
});

describe("Check (4.10)", () => {
  it("answers the identifier if everything is allowed", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY, [usageMask(Encrypt | Decrypt), limits(10)]);
    const fields = [
      longInteger(Tag.UsageLimitsCount, 10n),
      integer(Tag.CryptographicUsageMask, Encrypt),
      interval(Tag.LeaseTime, 60),
    ];
    const payload = await objects.ok(on(Operation.Check, identifier, fields));
    expect(payload).toHaveLength(1);
    expect(textIn(payload, Tag.UniqueIdentifier)).toBe(identifier);
    expect(await objects.reason(on(Operation.Check, identifier), objects.stranger)).toBe(ItemNotFound);
  });

  it("answers what is denied, and empties the ID Placeholder", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY, [usageMask(Encrypt), limits(10)]);
    const fields = [
      longInteger(Tag.UsageLimitsCount, 11n),
      integer(Tag.CryptographicUsageMask, Encrypt | WrapKey),
      interval(Tag.LeaseTime, 0xffff_ffff),
    ];
    const denied = await objects.result(on(Operation.Check, identifier, fields));
    expect(denied.resultReason).toBe(PermissionDenied);
    expect(denied.payload).toEqual(fields);
    const one = await objects.result(
      on(Operation.Check, identifier, [
        fields[2] ?? interval(0, 0),
        integer(Tag.CryptographicUsageMask, Encrypt),
      ]),
    );
    expect(one.payload.map(({ tag }) => tag)).toEqual([Tag.LeaseTime]);
    const { items } = await objects.send(
      "1.4",
      [requests.create(), on(Operation.Check, undefined, fields), requests.get()],
      { continuation: "continue" },
    );
    expect(items.map(({ resultReason }) => resultReason)).toEqual([null, PermissionDenied, ItemNotFound]);
  });

  it("cannot be performed on what is destroyed (11.11)", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    await objects.ok(requests.destroy(identifier));
    expect(await objects.reason(on(Operation.Check, identifier))).toBe(IllegalOperation);
  });
});

describe("Obtain Lease (4.17)", () => {
  it("grants the Lease Time of the object, and tells when it last changed", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    const payload = await objects.ok(on(Operation.ObtainLease, identifier));
    expect(payload.slice(1)).toEqual([
      interval(Tag.LeaseTime, 3600),
      dateTime(Tag.LastChangeDate, BigInt(objects.now())),
    ]);
    expect(await objects.attribute(identifier, "Lease Time")).toBe(3600);
    const lease = { name: "Lease Time", value: { t: "interval", v: 5 } } as const;
    expect(await objects.reason(requests.modifyAttribute(identifier, lease))).toBe(PermissionDenied);
  });

  it("grants none for what cannot be used (11.18)", async () => {
    const objects = new Objects();
    const lease = (identifier: string) => objects.reason(on(Operation.ObtainLease, identifier));
    const identifier = await objects.make(requests.create());
    expect(await objects.reason(on(Operation.ObtainLease, identifier), objects.stranger)).toBe(ItemNotFound);
    objects.store.setServed("instance-a", identifier, false);
    expect(await lease(identifier)).toBe(PermissionDenied);
    objects.store.setServed("instance-a", identifier, true);
    await objects.ok(requests.activate(identifier));
    expect(await lease(identifier)).toBeNull();
    for (const code of [RevocationReasonCode.CessationOfOperation, RevocationReasonCode.KeyCompromise]) {
      await objects.ok(requests.revoke(identifier, code));
      expect(await lease(identifier)).toBe(PermissionDenied);
    }
    await objects.ok(requests.destroy(identifier));
    expect(await lease(identifier)).toBe(PermissionDenied);
    const expired = await objects.make(
      requests.create({
        attributes: [date("Activation Date", objects.now(-20)), date("Deactivation Date", objects.now(-10))],
      }),
    );
    expect(await lease(expired)).toBe(PermissionDenied);
    expect(await lease(await objects.make(registerOpaque(KEY)))).toBe(PermissionDenied);
  });
});

describe("Archive and Recover (4.22, 4.23)", () => {
  const archive = (identifier: string) => on(Operation.Archive, identifier);
  const recover = (identifier: string) => on(Operation.Recover, identifier);

  it("takes an object off-line for every operation but Locate and Recover", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    await objects.ok(archive(identifier));
    const contact = { name: "Contact Information", value: { t: "text", v: "x" } } as const;
    for (const request of [
      requests.get(identifier),
      requests.getAttributes(identifier),
      requests.getAttributeList(identifier),
      requests.addAttribute(identifier, contact),
      requests.modifyAttribute(identifier, contact),
      requests.deleteAttribute(identifier, "Contact Information"),
      requests.activate(identifier),
      requests.revoke(identifier, RevocationReasonCode.KeyCompromise),
      requests.destroy(identifier),
      on(Operation.Check, identifier),
      on(Operation.ObtainLease, identifier),
      allocate(identifier, 1),
      archive(identifier),
    ]) {
      expect(await objects.reason(request), String(request.operation)).toBe(ObjectArchived);
    }
    await objects.ok(recover(identifier));
    expect(await objects.key(identifier)).toHaveLength(32);
    expect(await objects.attribute(identifier, "Archive Date")).toBeUndefined();
    await objects.ok(recover(identifier));
  });

  it("is what the Storage Status Mask of Locate is about", async () => {
    const objects = new Objects();
    const online = await objects.make(requests.create());
    const archived = await objects.make(requests.create());
    await objects.ok(archive(archived));
    const located = async (mask?: number) => {
      const fields = mask === undefined ? [] : [integer(Tag.StorageStatusMask, mask)];
      return (await objects.ok({ operation: Operation.Locate, payload: fields })).map(({ value }) => value);
    };
    expect(await located()).toEqual([online]);
    expect(await located(1)).toEqual([online]);
    expect(await located(2)).toEqual([archived]);
    expect(await located(3)).toEqual([archived, online]);
    expect(await located(0)).toEqual([]);
  });

  it("is nobody else's business", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    expect(await objects.reason(archive(identifier), objects.stranger)).toBe(ItemNotFound);
    expect(await objects.reason(recover(identifier), objects.stranger)).toBe(ItemNotFound);
  });
});

describe("dates (3.25, 3.26)", () => {
  it("of processing and of protection are independent of each other", async () => {
    const objects = new Objects();
    const at = (name: string, offset: number) => date(name, objects.now(offset));
    const active = [usageMask(Encrypt), at("Activation Date", -3600)];
    await objects.make(
      registerKey(KEY, [...active, at("Process Start Date", 3600), at("Protect Stop Date", -3600)]),
    );
    for (const wrong of [
      [at("Process Start Date", -3601)],
      [at("Deactivation Date", -3601)],
      [at("Protect Stop Date", 11), at("Deactivation Date", 10)],
    ]) {
      expect(await objects.reason(registerKey(KEY, [...active, ...wrong]))).toBe(InvalidField);
    }
  });
});
