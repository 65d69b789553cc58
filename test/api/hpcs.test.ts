import { describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { createSelfSigned } from "@/test/support/certificates";
import { callApi, houseForTests, keyManagerOf } from "./support/house";

const house = houseForTests();
const token = () => house.a.tokens.administrator;
const hpcs = () => {
  const { hpcs, manager } = house.cloud.credentials;

  return { kind: "hpcs", apiKey: manager.apiKey, crn: hpcs.crn, crkId: hpcs.rootKeys[0]?.id ?? "" };
};

async function order(name: string, body: object = {}, as = token()) {
  return callApi(operations.createInstance, { token: as, body: { name, region: "us-south", ...body } });
}

async function remove({ id, name }: { id: string; name: string }) {
  const { status } = await callApi(operations.deleteInstance, {
    token: token(),
    params: { id },
    body: { confirmName: name, force: true },
  });
  expect(status).toBeLessThan(300);
}

const discover = () =>
  callApi(operations.discoverKeyManagers, {
    token: token(),
    body: { kind: "hpcs", apiKey: hpcs().apiKey },
  });

describe("an HPCS instance", () => {
  it("has endpoints of its own from the moment it is ordered, or activated", async () => {
    const { body: shared } = await order("shared", { keyManager: keyManagerOf(house) });
    const { body: ordered } = await order("ordered", { keyManager: hpcs() });
    expect(shared.endpoints.map((endpoint: { port: number }) => endpoint.port)).toEqual([15696, 15697]);
    expect(ordered.endpoints).toMatchObject([
      { zone: 1, host: "127.0.0.1", port: 5700, dedicated: true, problem: null },
      { zone: 2, host: "127.0.0.1", port: 5750, dedicated: true, problem: null },
    ]);
    expect(ordered.endpoints[0].serverCertificate.sha256).not.toBe(
      shared.endpoints[0].serverCertificate.sha256,
    );
    // In a list each has its own.
    const { body: list } = await callApi(operations.listInstances, { token: token() });
    expect(list.items.map((item: { endpoints: object[] }) => item.endpoints)).toEqual([
      ordered.endpoints,
      shared.endpoints,
    ]);
    await remove(ordered);

    const { body: idle } = await order("idle");
    const activated = await callApi(operations.activateInstance, {
      token: token(),
      params: { id: idle.id },
      body: { keyManager: hpcs() },
    });
    expect(activated.body.endpoints).toMatchObject([
      { zone: 1, port: 5700, dedicated: true },
      { zone: 2, port: 5750, dedicated: true },
    ]);
    await remove(activated.body);
    await remove(shared);
  });

  it("belongs to one KMIP instance alone, whoever comes first, in whichever account", async () => {
    const { certPem } = await createSelfSigned({ commonName: "second.example.com" });
    const answers = await Promise.all([
      order("first-come", { keyManager: hpcs() }),
      order("second-come", { keyManager: hpcs() }),
      order("third-come", { keyManager: hpcs() }, house.b.tokens.administrator),
    ]);
    const winner = answers.find(({ status }) => status === 202)?.body;
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    for (const { status, body } of answers) {
      if (status !== 409) {
        continue;
      }
      expect(body).toMatchObject({ code: "KEY_MANAGER_IN_USE", invalidParams: [{ name: "keyManager.crn" }] });
      expect(body.detail).not.toContain(winner.name);
    }

    const late = await order("late", {
      keyManager: hpcs(),
      clientCertificates: [{ name: "vcenter", pem: certPem }],
    });
    expect(late).toMatchObject({ status: 409, body: { code: "KEY_MANAGER_IN_USE" } });
    const idle = await order("idle");
    const activated = await callApi(operations.activateInstance, {
      token: token(),
      params: { id: idle.body.id },
      body: { keyManager: hpcs() },
    });
    expect(activated).toMatchObject({ status: 409, body: { code: "KEY_MANAGER_IN_USE" } });
    const { prisma } = house.database;
    expect(await prisma.instance.count({ where: { keyManagerKind: "hpcs", deletedAt: null } })).toBe(1);
    expect(await prisma.clientCertificate.count()).toBe(0);
    expect(await prisma.dedicatedEndpoint.count()).toBe(2);

    expect((await discover()).body).toMatchObject({
      keyManagers: [],
      notOffered: [{ crn: hpcs().crn, reason: "IN_USE" }],
    });
    // Another's KMIP instance is removed by nobody here.
    await prisma.instance.deleteMany({ where: { keyManagerKind: "hpcs" } });
    expect((await discover()).body).toMatchObject({ keyManagers: [{ crn: hpcs().crn }], notOffered: [] });
    expect((await order("late", { keyManager: hpcs() })).status).toBe(202);
  });
});
