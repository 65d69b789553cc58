import { expect, it } from "vitest";
import type { StoredAttributes, StoredValue } from "@/lib/kmip/ports";
import { Tag } from "@/lib/kmip/protocol/tags";
import { allAttributes, customAttributes, valueText } from "./attribute-text";

const one = (v: StoredValue) => [{ i: 0, v }];

it("tells attributes of every version as people read them", () => {
  const attributes: StoredAttributes = {
    "Cryptographic Usage Mask": one({ t: "integer", v: 0x0c }),
    "Protection Level": one({ t: "enumeration", v: 1 }),
    "NIST Key Type": one({ t: "enumeration", v: 6 }),
    "Rotate Name": one({
      t: "structure",
      v: [
        { tag: Tag.RotateNameValue, value: { t: "text", v: "vsan" } },
        { tag: Tag.RotateNameType, value: { t: "enumeration", v: 1 } },
      ],
    }),
    "Operation Policy Name": one({ t: "text", v: "default" }),
    "Acme:Tier": one({ t: "text", v: "gold" }),
    "x-Product": one({ t: "text", v: "vSphere" }),
  };

  expect(Object.fromEntries(allAttributes(attributes).map(({ name, value }) => [name, value]))).toEqual({
    "Cryptographic Usage Mask": "Encrypt, Decrypt",
    "Protection Level": "High",
    "NIST Key Type": "SymmetricDataEncryptionKey",
    "Rotate Name": "Rotate Name Value: vsan, Rotate Name Type: UninterpretedTextString",
    "Operation Policy Name": "default",
    "Acme:Tier": "gold",
    "x-Product": "vSphere",
  });
  expect(customAttributes(attributes)).toEqual({ "Acme:Tier": ["gold"], "x-Product": ["vSphere"] });
});

it.each([
  ["1700000000000001", "2023-11-14T22:13:20.000001Z"],
  ["-1", "1969-12-31T23:59:59.999999Z"],
  ["9223372036854775807", "9223372036854"],
])("tells the Date-Time Extended %s as %s", (v, text) => {
  expect(valueText({ t: "dateTimeExtended", v }, null)).toBe(text);
});
