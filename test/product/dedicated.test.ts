import { expect, inject, it } from "vitest";
import { isPykmipInstalled, runPykmip } from "../support/pykmip";
import { type House, openHouse, orderInstance, processIdOf } from "./support";

const product = inject("product");
const house: House = await openHouse(product);

const POLL = { timeout: 30_000, interval: 200 };

type Endpoint = {
  zone: number;
  host: string;
  port: number;
  dedicated: boolean;
  problem: string | null;
  serverCertificate: { pem: string; sha256: string };
};

it("serves an HPCS instance at endpoints of its own, in both zones, and again after a crash", async () => {
  const { hpcs, manager } = house.access;
  const instance = await orderInstance(house, {
    keyManager: { kind: "hpcs", apiKey: manager.apiKey, crn: hpcs.crn, crkId: hpcs.rootKeys[0]?.id },
  });
  const other = await orderInstance(house);
  const { body } = await house.api("GET", `/instances/${instance.id}`);
  const { endpoints } = body as { endpoints: Endpoint[] };

  expect(endpoints).toMatchObject([
    { zone: 1, dedicated: true },
    { zone: 2, dedicated: true },
  ]);

  const versionsAt = async (of: typeof instance, { host, port, serverCertificate }: Endpoint) => {
    const client = of.client(1, { host, port, serverSha256: serverCertificate.sha256, timeoutMs: 5_000 });

    try {
      return await client.discoverVersions();
    } catch {
      return null;
    } finally {
      client.close();
    }
  };
  const served = async () =>
    (await Promise.all(endpoints.map((endpoint) => versionsAt(instance, endpoint)))).every(Boolean);

  await expect.poll(served, POLL).toBe(true);

  for (const endpoint of endpoints) {
    expect(await versionsAt(other, endpoint)).toBeNull();
  }
  for (const zone of [1, 2]) {
    await expect(instance.client(zone).discoverVersions()).rejects.toThrow();
  }

  // What one zone made, the other one serves.
  const [first, second] = endpoints;
  const key = await instance.client(1, { port: first?.port }).create();
  const { material } = await instance.client(1, { port: second?.port }).get(key);
  expect(material).toHaveLength(32);

  if (isPykmipInstalled()) {
    for (const endpoint of endpoints) {
      const outcome = await runPykmip({
        host: endpoint.host,
        port: endpoint.port,
        certificate: instance.certificate,
        ca: endpoint.serverCertificate.pem,
        version: "1.4",
        tls: "any",
      });
      expect(outcome).toMatchObject({ get: { algorithm: "AES", length: 256, bytes: 32, again: true } });
    }
  }

  const nodes = await house.api("GET", "/endpoints");
  expect(
    (
      nodes.body as { items: { instanceId: string | null; instanceName: string | null; health: string }[] }
    ).items
      .filter(({ instanceId }) => instanceId === instance.id)
      .map(({ instanceName, health }) => [instanceName, health]),
  ).toEqual([
    [instance.name, "up"],
    [instance.name, "up"],
  ]);
  const metrics = await (await fetch(`${product.consoleUrl}/metrics`)).text();
  expect(metrics).toMatch(/kmip_console_dedicated_endpoint_up\{zone="1"\} 1/);

  process.kill(processIdOf(product, "kmip"), "SIGKILL");
  await expect.poll(served, POLL).toBe(true);
  expect((await instance.client(1, { port: first?.port }).get(key)).material).toEqual(material);

  await house.api("DELETE", `/instances/${instance.id}`, { confirmName: instance.name, force: true });
  await expect
    .poll(
      async () => (await Promise.all(endpoints.map((at) => versionsAt(instance, at)))).some(Boolean),
      POLL,
    )
    .toBe(false);
});
