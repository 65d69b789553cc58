/** VAST Data: a key's attributes one by one, Re-key, Check, wrapped Gets. */
import { createDecipheriv } from "node:crypto";
import { expect, it } from "vitest";
import { nameAttribute, requests } from "@/lib/kmip/client/client";
import { find } from "@/lib/kmip/client/responses";
import { BlockCipherMode, CryptographicUsageMask, Operation } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { enumeration, type Item, integer, structure, text } from "@/lib/kmip/ttlv";
import { on, registerKey, usageMask } from "../kmip/payloads";
import { blockIn, live, materialIn } from "./live";

const endpoint = live();
const textual = (name: string, v: string) => ({ name, value: { t: "text", v } }) as const;

it("creates a key, adds what it is to have, and reads it back", async () => {
  const vast = await endpoint.connect({ version: "1.4" });
  const identifier = await vast.make(requests.create());
  for (const attribute of [
    textual("Operation Policy Name", "default"),
    nameAttribute("vast-ek-1"),
    textual("Object Group", "vast"),
  ]) {
    await vast.ok(requests.addAttribute(identifier, attribute));
  }
  expect(await vast.attribute(identifier, "Operation Policy Name")).toEqual(["default"]);
  expect(await vast.attribute(identifier, "Object Group")).toEqual(["vast"]);
  await vast.ok(requests.activate(identifier));
  await vast.ok(on(Operation.Check, identifier, [integer(Tag.CryptographicUsageMask, 12)]));
  const replacement = await vast.make(on(Operation.ReKey, identifier));
  expect(materialIn(await vast.ok(requests.get(replacement)))).not.toEqual(
    materialIn(await vast.ok(requests.get(identifier))),
  );
  expect(await vast.attribute(replacement, "Operation Policy Name")).toEqual(["default"]);
  expect(await vast.attribute(replacement, "Name")).toHaveLength(1);
});

it.each([
  ["without Cryptographic Parameters", []],
  [
    "with NIST Key Wrap",
    [structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, BlockCipherMode.NISTKeyWrap)])],
  ],
] satisfies [string, Item[]][])("gets a key wrapped by another one, %s", async (_, parameters) => {
  const vast = await endpoint.connect({ version: "1.4" });
  const kek = Buffer.alloc(32, 5);
  const wrapping = await vast.make(registerKey(kek, [usageMask(CryptographicUsageMask.WrapKey)]));
  await vast.ok(requests.activate(wrapping));
  const identifier = await vast.make(requests.create());
  const payload = await vast.ok(
    on(Operation.Get, identifier, [
      structure(Tag.KeyWrappingSpecification, [
        enumeration(Tag.WrappingMethod, 1),
        structure(Tag.EncryptionKeyInformation, [text(Tag.UniqueIdentifier, wrapping), ...parameters]),
        enumeration(Tag.EncodingOption, 1),
      ]),
    ]),
  );
  const decipher = createDecipheriv("id-aes256-wrap", kek, Buffer.alloc(8, 0xa6));
  const wrapped = materialIn(payload);
  const plain = Buffer.concat([decipher.update(wrapped), decipher.final()]);
  expect(plain).toEqual(materialIn(await vast.ok(requests.get(identifier))));
  expect(find(blockIn(payload), Tag.KeyWrappingData)).toBeDefined();
});
