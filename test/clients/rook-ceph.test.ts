/** Rook: keys of Ceph's OSD encryption, which are texts of 128 bytes under the name of AES. */
import { expect, it } from "vitest";
import { requests } from "@/lib/kmip/client/client";
import { childrenOf, numberIn } from "@/lib/kmip/client/responses";
import {
  CryptographicUsageMask,
  KeyFormatType,
  Operation,
  ResultReason,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, enumeration, structure } from "@/lib/kmip/ttlv";
import { on, registerKey, usageMask } from "../kmip/payloads";
import { blockIn, live, materialIn } from "./live";

const endpoint = live();
const SECRET = Buffer.from("c2VjcmV0".repeat(16));

it("asks for the versions, and is told the one that it speaks", async () => {
  const rook = await endpoint.connect({ version: "1.4" });
  const payload = await rook.ok(requests.discoverVersions(["1.4"]));
  expect(payload.map((item) => childrenOf(item).map(({ value }) => value))).toEqual([[1, 4]]);
});

it.each([
  ["released", { format: KeyFormatType.Opaque, length: 256 }],
  ["corrected", { format: KeyFormatType.Raw, length: 1024 }],
])("registers a key, gets it back byte for byte, and destroys it: %s", async (_, fields) => {
  const rook = await endpoint.connect({ version: "1.4" });
  expect(SECRET).toHaveLength(128);
  const identifier = await rook.make(registerKey(SECRET, [usageMask(CryptographicUsageMask.Export)], fields));
  const payload = await rook.ok(requests.get(identifier));
  expect(materialIn(payload)).toEqual(SECRET);
  expect(numberIn(blockIn(payload), Tag.KeyFormatType)).toBe(fields.format);
  expect(numberIn(blockIn(payload), Tag.CryptographicLength)).toBe(fields.length);
  const encrypt = on(Operation.Encrypt, identifier, [
    structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, 2)]),
    bytes(Tag.Data, Buffer.alloc(16)),
  ]);
  const [refused] = await rook.batch(encrypt);
  expect(refused?.resultReason).toBe(ResultReason.FeatureNotSupported);
  expect(refused?.message).toContain("not used here");
  await rook.ok(requests.destroy(identifier));
  expect(await rook.reason(requests.get(identifier))).toBe(ResultReason.ItemNotFound);
});
