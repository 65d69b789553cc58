import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KmipClient, requests } from "@/lib/kmip/client";
import { childrenOf, find, textIn } from "@/lib/kmip/client-messages";
import { ObjectType, Operation, QueryFunction, ResultStatus, State } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { type RunningServer, startServer } from "./harness";

/** "QLKC" and a counter, as vCenter numbers its batch items. */
function vcenterId(index: number): Uint8Array {
  const id = Buffer.from("QLKC0000");
  id.writeUInt32BE(index, 4);
  return id;
}

let running: RunningServer;
let vcenter: TestCertificate;

beforeAll(async () => {
  running = await startServer();
  vcenter = await createSelfSigned({ commonName: "kmipClient20261122" });
  running.tenants.pin("instance-a", vcenter.sha256);
});

afterAll(() => running.server.close({ timeoutMs: 1000 }));

describe.each([
  ["one connection", false],
  ["a connection per message", true],
])("the exchange of vCenter 7.0.3 on %s", (_name, connectPerMessage) => {
  it("makes a key, tags it and reads it back, all in KMIP 1.1", async () => {
    const client = new KmipClient({
      host: "127.0.0.1",
      port: running.port,
      cert: vcenter.certPem,
      key: vcenter.keyPem,
      serverSha256: running.certificate.sha256,
      version: "1.1",
      connectPerMessage,
    });
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
      expect(response.items.map(({ operation }) => operation)).toEqual(
        batch.map(({ operation }) => operation),
      );
      return response.items;
    };

    const [first] = await exchange(requests.discoverVersions());
    expect(first?.payload.length).toBe(5);
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

    const operations = running.audit.records
      .filter(({ uniqueIdentifiers }) => uniqueIdentifiers.includes(identifier))
      .map(({ operation }) => operation);
    expect(operations).toEqual([
      Operation.Create,
      Operation.GetAttributes,
      Operation.AddAttribute,
      Operation.AddAttribute,
      Operation.AddAttribute,
      Operation.GetAttributes,
      Operation.GetAttributes,
      Operation.Get,
      Operation.Get,
    ]);
    expect(new Set(sent).size).toBe(counter);
  });
});
