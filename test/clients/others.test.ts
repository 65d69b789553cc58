/** Clients that always worked, and have to go on: Synology, ceph-csi, Couchbase, NetApp; and habits that they share. */
import { expect, it } from "vitest";
import { nameAttribute, requests } from "@/lib/kmip/client/client";
import { bytesIn, childrenOf, find } from "@/lib/kmip/client/responses";
import { BlockCipherMode, Operation, PaddingMethod, State } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { boolean, bytes, enumeration, structure, text } from "@/lib/kmip/ttlv";
import { date, on, registerKey, registerOpaque, usageMask } from "../kmip/payloads";
import { credential, identifiersIn, live, materialIn } from "./live";

const endpoint = live();

it("Synology DSM sets the Activation Date of a fresh key with Modify Attribute", async () => {
  const synology = await endpoint.connect({ version: "1.2" });
  const identifier = await synology.make(registerKey(Buffer.alloc(64, 1), [usageMask(12)], { length: 512 }));
  await synology.ok(requests.modifyAttribute(identifier, date("Activation Date", 1_700_000_000)));
  expect(await synology.attribute(identifier, "State")).toEqual([State.Active]);
  expect(materialIn(await synology.ok(requests.get(identifier)))).toEqual(Buffer.alloc(64, 1));
});

it("ceph-csi has its keys encrypted, with an IV that the server makes", async () => {
  const ceph = await endpoint.connect({ version: "1.4" });
  expect(await ceph.ok(requests.discoverVersions(["1.4"]))).toHaveLength(1);
  const identifier = await ceph.make(requests.create());
  await ceph.ok(requests.activate(identifier));
  const parameters = structure(Tag.CryptographicParameters, [
    enumeration(Tag.BlockCipherMode, BlockCipherMode.CBC),
    enumeration(Tag.PaddingMethod, PaddingMethod.PKCS5),
    enumeration(Tag.CryptographicAlgorithm, 3),
    boolean(Tag.RandomIV, true),
  ]);
  const dek = Buffer.from("a key of a volume");
  const sealed = await ceph.ok(on(Operation.Encrypt, identifier, [parameters, bytes(Tag.Data, dek)]));
  const opened = await ceph.ok(
    on(Operation.Decrypt, identifier, [
      parameters,
      bytes(Tag.Data, bytesIn(sealed, Tag.Data) ?? dek),
      bytes(Tag.IVCounterNonce, bytesIn(sealed, Tag.IVCounterNonce) ?? dek),
    ]),
  );
  expect(Buffer.from(bytesIn(opened, Tag.Data) ?? [])).toEqual(dek);
});

it("Couchbase and NetApp keep, find and get keys beside a user name and password", async () => {
  const netapp = await endpoint.connect({ version: "1.2", header: [credential("vserver", "secret")] });
  const attributes = [
    nameAttribute("svm-1"),
    { name: "x-NETAPP-ClusterId", value: { t: "text", v: "c1" } } as const,
  ];
  const identifier = await netapp.make(requests.create({ attributes }));
  expect(identifiersIn(await netapp.ok(requests.locate([attributes[1] ?? nameAttribute("")])))).toEqual([
    identifier,
  ]);
  expect(materialIn(await netapp.ok(requests.get(identifier)))).toHaveLength(32);
  const opaque = await netapp.make(registerOpaque(Buffer.from("wrapped elsewhere")));
  const got = await netapp.ok(requests.get(opaque));
  expect(bytesIn(childrenOf(find(got, Tag.OpaqueObject)), Tag.OpaqueDataValue)).toEqual(
    Buffer.from("wrapped elsewhere"),
  );
});

it.each(["1.0", "1.1", "1.2", "1.3", "1.4"] as const)(
  "a client of one's own sends index 0, a vendor's field and a policy in %s",
  async (version) => {
    const client = await endpoint.connect({ version });
    const identifier = await client.make(requests.create({ name: "one" }));
    const policy = { name: "Operation Policy Name", index: 0, value: { t: "text", v: "public" } } as const;
    await client.ok(requests.addAttribute(identifier, policy));
    expect(await client.attribute(identifier, "Operation Policy Name")).toEqual(["public"]);
    const get = requests.get(identifier);
    await client.ok({ ...get, payload: [...get.payload, text(0x54_0001, "theirs")] });
    await client.ok(requests.discoverVersions());
    await client.ok(requests.query([1, 2, 3, 10, 13]));
  },
);
