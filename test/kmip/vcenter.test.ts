import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Operation } from "@/lib/kmip/protocol/enumerations";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { type RunningServer, startServer } from "./harness";
import { vcenterExchange } from "./vcenter-exchange";

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
    const { identifier } = await vcenterExchange({
      host: "127.0.0.1",
      port: running.port,
      cert: vcenter.certPem,
      key: vcenter.keyPem,
      serverSha256: running.certificate.sha256,
      connectPerMessage,
    });
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
  });
});
