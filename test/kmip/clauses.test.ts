/** Clauses of the specification that no other file is about, each by its number in KMIP 1.4. */
import { describe, expect, it } from "vitest";
import { type ClientAttribute, nameAttribute, requests, writeRequest } from "@/lib/kmip/client";
import { attributesIn, readResponse, textIn } from "@/lib/kmip/client-messages";
import type { StoredValue } from "@/lib/kmip/ports";
import { Operation, ResultReason } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { Objects, on } from "./payloads";

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
    if (!swapped || fields.t !== "structure") return { name: "Name", value: fields };
    return { name: "Name", value: { t: "structure", v: [...fields.v].reverse() } };
  };

  it("of attributes are kept in the order of the specification, so that equal values are", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create({ attributes: [name("one", true)] }));
    const payload = await objects.ok(requests.getAttributes(identifier, ["Name"]));
    expect(attributesIn(payload)).toEqual([name("one", false)]);
    for (const swapped of [true, false]) {
      expect(await objects.reason(requests.create({ attributes: [name("one", swapped)] }))).toBe(
        ResultReason.InvalidField,
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
