import { expect } from "vitest";
import { KmipClient, type KmipClientOptions, requests } from "@/lib/kmip/client/client";
import { childrenOf, find, textIn } from "@/lib/kmip/client/responses";
import { ObjectType, QueryFunction, ResultStatus, State } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";

/** "QLKC" and a counter, as vCenter numbers its batch items. */
function vcenterId(index: number): Uint8Array {
  const id = Buffer.from("QLKC0000");
  id.writeUInt32BE(index, 4);
  return id;
}

/**
 * The seven steps in which vCenter 7.0.3 makes, tags and reads a key, every message in KMIP 1.1. Fails when an
 * answer is in another version, or does not echo the batch item's identifier.
 * @returns the key's identifier and material
 */
export async function vcenterExchange(
  options: Omit<KmipClientOptions, "version">,
): Promise<{ readonly identifier: string; readonly material: Uint8Array }> {
  const client = new KmipClient({ ...options, version: "1.1" });
  let counter = 0;
  const sent: string[] = [];
  const numbered = <T extends object>(request: T): T & { uniqueBatchItemId: Uint8Array } => {
    counter += 1;
    const uniqueBatchItemId = vcenterId(counter);
    sent.push(Buffer.from(uniqueBatchItemId).toString("hex"));
    return { ...request, uniqueBatchItemId };
  };
  const exchange = async (...batch: Parameters<KmipClient["batch"]>[0][number][]) => {
    const expected = batch.map(({ uniqueBatchItemId }) =>
      uniqueBatchItemId === undefined ? null : Buffer.from(uniqueBatchItemId).toString("hex"),
    );
    const response = await client.batch(batch);
    expect(response.version).toEqual({ major: 1, minor: 1 });
    expect(response.items.map(({ status }) => status)).toEqual(batch.map(() => ResultStatus.Success));
    const echoed = response.items.map(({ uniqueBatchItemId }) =>
      uniqueBatchItemId === null ? null : Buffer.from(uniqueBatchItemId).toString("hex"),
    );
    expect(echoed).toEqual(expected);
    expect(response.items.map(({ operation }) => operation)).toEqual(batch.map(({ operation }) => operation));
    return response.items;
  };

  const [first] = await exchange(requests.discoverVersions());
  expect(first?.payload.length).toBe(7);
  await exchange(numbered(requests.discoverVersions()));

  const [queried] = await exchange(numbered(requests.query([QueryFunction.QueryServerInformation])));
  expect(textIn(queried?.payload ?? [], Tag.VendorIdentification)).not.toBeNull();

  const [created] = await exchange(numbered(requests.create({ usageMask: 0x0c, length: 256 })));
  const identifier = textIn(created?.payload ?? [], Tag.UniqueIdentifier) ?? "";
  expect(identifier).not.toBe("");

  const [none] = await exchange(numbered(requests.getAttributes(identifier, ["x-Product_Version"])));
  expect(none?.payload.map(({ tag }) => tag)).toEqual([Tag.UniqueIdentifier]);

  await exchange(
    ...[
      ["x-Product_Version", "7.0.3 build-20150588"],
      ["x-Vendor", "VMware, Inc."],
      ["x-Product", "VMware vSphere"],
    ].map(([name = "", v = ""]) =>
      numbered(requests.addAttribute(identifier, { name, value: { t: "text", v } })),
    ),
  );

  const [tagged] = await exchange(numbered(requests.getAttributes(identifier, ["x-Product_Version"])));
  const attribute = childrenOf(find(tagged?.payload ?? [], Tag.Attribute));
  expect(textIn(attribute, Tag.AttributeValue)).toBe("7.0.3 build-20150588");
  const [stated] = await exchange(numbered(requests.getAttributes(identifier, ["State"])));
  expect(find(childrenOf(find(stated?.payload ?? [], Tag.Attribute)), Tag.AttributeValue)?.value).toBe(
    State.PreActive,
  );

  const key = await client.get(identifier);
  expect(key).toMatchObject({
    objectType: ObjectType.SymmetricKey,
    keyFormatType: 1,
    algorithm: 3,
    length: 256,
  });
  expect(key.material.length).toBe(32);
  const again = await client.get(identifier);
  expect(again.material).toEqual(key.material);
  client.close();
  expect(new Set(sent).size).toBe(counter);

  return { identifier, material: key.material };
}
