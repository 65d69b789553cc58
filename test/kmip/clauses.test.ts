/** Clauses of the specification that no other file is about, each by its number in KMIP 1.4. */
import { describe, expect, it } from "vitest";
import {
  type BatchRequest,
  type ClientAttribute,
  nameAttribute,
  requests,
  writeRequest,
} from "@/lib/kmip/client/client";
import { attributesIn, readResponse, textIn } from "@/lib/kmip/client/responses";
import type { StoredValue } from "@/lib/kmip/ports";
import {
  CryptographicUsageMask,
  DrbgAlgorithm,
  ObjectGroupMember,
  Operation,
  ResultReason,
  RevocationReasonCode,
  RngAlgorithm,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { enumeration } from "@/lib/kmip/ttlv";
import { date, hex, Objects, on, registerKey, registerOpaque, template, usageMask } from "./payloads";

const { IllegalOperation, InvalidField, PermissionDenied } = ResultReason;
const KEY = hex("000102030405060708090a0b0c0d0e0f");

type StoredField = { readonly tag: number; readonly value: StoredValue };

describe("the ID Placeholder (4)", () => {
  it("is set by Recover", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    await objects.ok(on(Operation.Archive, identifier));
    const { items } = await objects.send("1.0", [on(Operation.Recover, identifier), requests.get()]);
    expect(items.map(({ resultReason }) => resultReason)).toEqual([null, null]);
    const again = await objects.send("1.0", [on(Operation.Recover, identifier), requests.get()]);
    expect(again.items.map(({ resultReason }) => resultReason)).toEqual([null, null]);
  });
});

describe("structures (9.1.1.4, 11.1)", () => {
  const name = (value: string, swapped: boolean): ClientAttribute => {
    const fields = nameAttribute(value).value;
    if (!swapped || fields.t !== "structure") {
      return { name: "Name", value: fields };
    }
    return { name: "Name", value: { t: "structure", v: [...fields.v].reverse() } };
  };

  it("of attributes are kept in the order of the specification, so that equal values are", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create({ attributes: [name("one", true)] }));
    const payload = await objects.ok(requests.getAttributes(identifier, ["Name"]));
    expect(attributesIn(payload)).toEqual([name("one", false)]);
    for (const swapped of [true, false]) {
      expect(await objects.reason(requests.create({ attributes: [name("one", swapped)] }))).toBe(
        InvalidField,
      );
      const found = await objects.ok(requests.locate([name("one", swapped)]));
      expect(textIn(found, Tag.UniqueIdentifier)).toBe(identifier);
    }
  });

  it("of a newer minor version lose the fields that are not known here", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    const extended: ClientAttribute = {
      name: "Name",
      value: {
        t: "structure",
        v: [
          { tag: 0x4201f0, value: { t: "text", v: "from the future" } },
          ...(nameAttribute("one").value.v as StoredField[]),
        ],
      },
    };
    const message = writeRequest("1.4", [requests.addAttribute(identifier, extended)]);
    // Protocol Version Minor: its tag, type and length, and its value.
    message[message.indexOf(Buffer.from("42006b0200000004", "hex")) + 11] = 9;
    expect(readResponse(await objects.raw(message)).items[0]?.resultReason).toBeNull();
    const payload = await objects.ok(requests.getAttributes(identifier, ["Name"]));
    expect(attributesIn(payload)).toEqual([nameAttribute("one")]);
  });
});

describe("the origin of an object (3.43, 3.44)", () => {
  const born = date("Original Creation Date", 1_000_000);
  const generator = (...fields: [tag: number, code: number][]): ClientAttribute => ({
    name: "Random Number Generator",
    value: {
      t: "structure",
      v: fields.map(([tag, v]) => ({ tag, value: { t: "enumeration", v } })),
    },
  });
  const dice = generator([Tag.RNGAlgorithm, RngAlgorithm.ANSIX9_31]);
  const drbg = generator([Tag.RNGAlgorithm, RngAlgorithm.DRBG], [Tag.DRBGAlgorithm, DrbgAlgorithm.CTR]);

  it("is told by the client that registers it, at once or later, and never changed", async () => {
    const objects = new Objects();
    const mask = usageMask(CryptographicUsageMask.Encrypt);
    const told = await objects.make(registerKey(KEY, [mask, born, dice]));
    const untold = await objects.make(registerKey(KEY, [mask]));
    expect(await objects.reason(requests.getAttributes(untold, [born.name]))).toBeNull();
    expect(await objects.attribute(untold, born.name)).toBeUndefined();
    for (const attribute of [born, dice]) {
      await objects.ok(requests.addAttribute(untold, attribute));
      for (const identifier of [told, untold]) {
        const payload = await objects.ok(requests.getAttributes(identifier, [attribute.name]));
        expect(attributesIn(payload)).toEqual([attribute]);
        expect(await objects.reason(requests.addAttribute(identifier, attribute))).toBe(IllegalOperation);
        expect(await objects.reason(requests.modifyAttribute(identifier, attribute))).toBe(PermissionDenied);
        expect(await objects.reason(requests.deleteAttribute(identifier, attribute.name))).toBe(
          PermissionDenied,
        );
      }
    }
    expect(await objects.reason(registerKey(KEY, [mask, dice, drbg]))).toBe(InvalidField);
  });

  it("is the server's to tell of what it makes", async () => {
    const objects = new Objects();
    const create = (...attributes: ClientAttribute[]) => requests.create({ attributes });
    expect(await objects.reason(create(born))).toBe(InvalidField);
    expect(await objects.reason(create(dice))).toBe(InvalidField);
    const identifier = await objects.make(create(dice, drbg));
    const own = attributesIn(await objects.ok(requests.getAttributes(identifier, [drbg.name])));
    expect(own).toHaveLength(1);
    expect(own[0]?.value.v).toHaveLength(4);
    expect(await objects.reason(requests.addAttribute(identifier, born))).toBe(IllegalOperation);
    const unspecified = generator([Tag.RNGAlgorithm, RngAlgorithm.Unspecified]);
    expect(await objects.reason(create(unspecified))).toBeNull();
    const rekey = (attribute: ClientAttribute) =>
      objects.reason(on(Operation.ReKey, identifier, [template([attribute])]));
    expect(await rekey(born)).toBe(InvalidField);
    expect(await rekey(dice)).toBe(InvalidField);
    expect(await rekey(drbg)).toBeNull();
  });
});

describe("attributes of an object's type (section 3)", () => {
  it("are the friendly name of PKCS#12 for cryptographic objects, since 1.4 (3.45)", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    const friendly: ClientAttribute = { name: "PKCS#12 Friendly Name", value: { t: "text", v: "alias" } };
    await objects.ok(requests.addAttribute(identifier, friendly));
    expect(await objects.attribute(identifier, friendly.name)).toBe("alias");
    await objects.ok(requests.deleteAttribute(identifier, friendly.name));
    const opaque = await objects.make(registerOpaque(KEY));
    expect(await objects.reason(requests.addAttribute(opaque, friendly))).toBe(PermissionDenied);
    objects.version = "1.3";
    expect(await objects.reason(requests.addAttribute(identifier, friendly))).toBe(PermissionDenied);
  });

  it("are neither Fresh nor a location of the Key Value for opaque objects (3.34, 3.42)", async () => {
    const objects = new Objects();
    const opaque = await objects.make(registerOpaque(KEY));
    expect(await objects.attribute(opaque, "Fresh")).toBeUndefined();
    const location: ClientAttribute = {
      name: "Key Value Location",
      value: {
        t: "structure",
        v: [
          { tag: Tag.KeyValueLocationValue, value: { t: "text", v: "safe" } },
          { tag: Tag.KeyValueLocationType, value: { t: "enumeration", v: 1 } },
        ],
      },
    };
    expect(await objects.reason(requests.addAttribute(opaque, location))).toBe(PermissionDenied);
  });
});

describe("values that are named twice in one request (4)", () => {
  it("are one", async () => {
    const objects = new Objects();
    const group = (v: string): ClientAttribute => ({ name: "Object Group", value: { t: "text", v } });
    const attributes = [nameAttribute("one"), group("a"), nameAttribute("one"), group("b"), group("a")];
    const identifier = await objects.make(requests.create({ attributes }));
    const payload = await objects.ok(requests.getAttributes(identifier, ["Name", "Object Group"]));
    expect(attributesIn(payload)).toEqual([nameAttribute("one"), group("a"), { ...group("b"), index: 1 }]);
  });
});

describe("members of an object group (4.9)", () => {
  const group: ClientAttribute = { name: "Object Group", value: { t: "text", v: "shelf" } };
  const member = (code: number, maximumItems?: number): BatchRequest => {
    const { operation, payload } = requests.locate([group], maximumItems);
    const at = maximumItems === undefined ? 0 : 1;
    return { operation, payload: payload.toSpliced(at, 0, enumeration(Tag.ObjectGroupMember, code)) };
  };
  const { GroupMemberDefault, GroupMemberFresh } = ObjectGroupMember;

  it("are fresh until they are served", async () => {
    const objects = new Objects();
    const identifiers: string[] = [];
    for (let n = 0; n < 2; n += 1) {
      identifiers.push(await objects.make(requests.create({ attributes: [group] })));
    }
    await objects.make(requests.create());
    for (const expected of [...identifiers.reverse(), null]) {
      const { items } = await objects.send("1.1", [member(GroupMemberFresh, 1), requests.get()]);
      expect(textIn(items[1]?.payload ?? [], Tag.UniqueIdentifier)).toBe(expected);
    }
  });

  it("are the newest by default", async () => {
    const objects = new Objects();
    const located = async (maximumItems?: number) =>
      (await objects.ok(member(GroupMemberDefault, maximumItems))).map(({ value }) => value);
    expect(await located()).toEqual([]);
    await objects.make(requests.create({ attributes: [group] }));
    const newest = await objects.make(requests.create({ attributes: [group] }));
    await objects.make(requests.create());
    expect(await located()).toEqual([newest]);
    expect(await located(5)).toEqual([newest]);
    expect(await located(0)).toEqual([]);
    const { items } = await objects.send("1.1", [member(GroupMemberDefault), requests.get()]);
    expect(textIn(items[1]?.payload ?? [], Tag.UniqueIdentifier)).toBe(newest);
    expect((await objects.one("1.0", member(GroupMemberDefault))).resultReason).toBe(InvalidField);
  });
});

describe("Revoke of an opaque object (4.20)", () => {
  it("takes any reason, once, and keeps it", async () => {
    const objects = new Objects();
    const { CessationOfOperation, KeyCompromise } = RevocationReasonCode;
    const opaque = await objects.make(registerOpaque(KEY));
    await objects.ok(requests.revoke(opaque, CessationOfOperation));
    expect(await objects.attribute(opaque, "Revocation Reason")).toEqual([
      { tag: Tag.RevocationReasonCode, value: { t: "enumeration", v: CessationOfOperation } },
    ]);
    expect(await objects.attribute(opaque, "State")).toBeUndefined();
    expect(await objects.reason(requests.revoke(opaque, CessationOfOperation))).toBe(IllegalOperation);
    expect(await objects.reason(requests.get(opaque))).toBeNull();
    await objects.ok(requests.revoke(opaque, KeyCompromise));
    expect(await objects.attribute(opaque, "Compromise Date")).toBe(objects.now());
    await objects.ok(requests.destroy(opaque));
    expect(await objects.reason(requests.revoke(opaque, CessationOfOperation))).toBe(IllegalOperation);
  });
});

describe("dates that an operation sets (3.24 to 3.27)", () => {
  it("take the end of protection with them, and never stand in the way of other attributes", async () => {
    const objects = new Objects();
    const attributes = [
      date("Process Start Date", objects.now(10)),
      date("Protect Stop Date", objects.now(500)),
    ];
    const key = await objects.make(requests.create({ attributes }));
    objects.clock.advance(20);
    await objects.ok(requests.activate(key));
    const note: ClientAttribute = { name: "x-note", value: { t: "text", v: "late" } };
    await objects.ok(requests.addAttribute(key, note));
    const early = date("Protect Stop Date", objects.now(-15));
    expect(await objects.reason(requests.modifyAttribute(key, date("Deactivation Date", 1)))).toBe(
      InvalidField,
    );
    expect(await objects.reason(requests.modifyAttribute(key, early))).toBeNull();
    const other = await objects.make(
      requests.create({ attributes: [date("Protect Stop Date", objects.now(500))] }),
    );
    await objects.ok(requests.activate(other));
    await objects.ok(requests.revoke(other, RevocationReasonCode.Superseded));
    expect(await objects.attribute(other, "Protect Stop Date")).toBe(objects.now());
    await objects.ok(requests.addAttribute(other, note));
  });

  it("are copied as they are by Re-key, and checked if the request has some", async () => {
    const objects = new Objects();
    const key = await objects.make(
      requests.create({ attributes: [date("Process Start Date", objects.now(10))] }),
    );
    objects.clock.advance(20);
    await objects.ok(requests.activate(key));
    const rekey = (...attributes: ClientAttribute[]) =>
      objects.reason(on(Operation.ReKey, key, [template(attributes)]));
    expect(await rekey()).toBeNull();
    expect(await rekey(date("Deactivation Date", objects.now(-5)))).toBe(InvalidField);
  });
});
