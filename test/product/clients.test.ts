import { describe, expect, inject, it } from "vitest";
import { vcenterExchange } from "../kmip/vcenter-exchange";
import { isPykmipInstalled, runPykmip } from "../support/pykmip";
import { type House, openHouse, orderInstance } from "./support";

const product = inject("product");
const house: House = await openHouse(product);
const installed = isPykmipInstalled();

async function serverCertificate(instanceId: string, zone: number): Promise<{ pem: string; sha256: string }> {
  const { body } = await house.api("GET", `/instances/${instanceId}`);
  const { endpoints } = body as {
    endpoints: { zone: number; serverCertificate: { pem: string; sha256: string } }[];
  };
  const endpoint = endpoints.find((candidate) => candidate.zone === zone);

  return endpoint?.serverCertificate ?? { pem: "", sha256: "" };
}

it.runIf(process.env.CI === "true")("has python3-pykmip to test with", () => {
  expect(installed).toBe(true);
});

describe.runIf(installed)("PyKMIP", () => {
  it.each([
    ["1.1", 1, "PERMISSION_DENIED"],
    ["1.4", 2, "PERMISSION_DENIED"],
    ["2.0", 1, "WRONG_KEY_LIFECYCLE_STATE"],
  ])("takes a key through its life in KMIP %s at the endpoint of zone %i", async (version, zone, refused) => {
    const instance = await orderInstance(house);
    const endpoint = product.kmip[zone - 1];
    const outcome = await runPykmip({
      host: endpoint?.host ?? "",
      port: endpoint?.port ?? 0,
      certificate: instance.certificate,
      // The certificate that the console shows is the one that the endpoint proves.
      ca: (await serverCertificate(instance.id, zone)).pem,
      version,
      tls: "any",
    });

    expect(outcome).toMatchObject({
      get: { algorithm: "AES", length: 256, bytes: 32, again: true },
      located: [outcome.identifier],
      destroyActive: refused,
    });
    expect(outcome.attributes?.State).toContain("ACTIVE");
    expect(outcome.revoked).toContain("DEACTIVATED");

    const { body } = await house.api("GET", `/instances/${instance.id}/keks`);

    expect(body).toMatchObject({
      items: [{ uniqueIdentifier: outcome.identifier, state: "destroyed" }],
      nextCursor: null,
    });

    const events = await house.api("GET", `/audit-events?targetId=${outcome.identifier}&limit=200`);
    const actions = (events.body as { items: { action: string }[] }).items.map(({ action }) => action);

    for (const verb of ["create", "activate", "read", "revoke", "destroy"]) {
      expect(actions).toContain(`vmware-solutions.kmip-key.${verb}`);
    }
  });
});

describe.each([
  ["one connection", false],
  ["a connection per message", true],
])("the exchange of vCenter 7.0.3 on %s", (_name, connectPerMessage) => {
  it("makes a key at endpoint 1 that endpoint 2 serves at once", async () => {
    const instance = await orderInstance(house);
    const [first, second] = product.kmip;
    const shared = {
      cert: instance.certificate.certPem,
      key: instance.certificate.keyPem,
      connectPerMessage,
    };
    const { identifier, material } = await vcenterExchange({
      ...shared,
      host: first?.host ?? "",
      port: first?.port ?? 0,
      serverSha256: (await serverCertificate(instance.id, 1)).sha256,
    });
    const other = instance.client(2, { version: "1.1", connectPerMessage });

    expect((await other.get(identifier)).material).toEqual(material);
    expect(second?.port).not.toBe(first?.port);
    expect((await other.getAttributes(identifier, ["x-Vendor"]))[0]?.value).toEqual({
      t: "text",
      v: "VMware, Inc.",
    });
    other.close();

    const { body } = await house.api("GET", `/instances/${instance.id}/keks?search=VMware vSphere`);

    expect(body).toMatchObject({
      items: [{ uniqueIdentifier: identifier, state: "preActive", served: true }],
    });
  });
});
