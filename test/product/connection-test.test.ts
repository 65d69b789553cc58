import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import type { ConnectionReport } from "@/lib/api/instances/schemas";
import { type House, openHouse, orderInstance, processIdOf } from "./support";

const product = inject("product");
const house: House = await openHouse(product);

type Instance = {
  name: string;
  lastKmipAt: string | null;
  counts: object;
  endpoints: { zone: number; serverCertificate: { pem: string; sha256: string } }[];
};
type Certificates = { items: { lastSeenAt: string | null }[] };

const read = async <T>(path: string) => (await house.api("GET", path)).body as T;

async function test(id: string): Promise<ConnectionReport> {
  const { status, body } = await house.api("POST", `/instances/${id}/connection-tests`);

  expect(status, JSON.stringify(body)).toBe(200);

  return body as ConnectionReport;
}

describe("a connection test of the running product", () => {
  it("passes at both endpoints, and leaves the instance as it was", async () => {
    const { id } = await orderInstance(house);
    const before = await read<Instance>(`/instances/${id}`);
    const report = await test(id);

    expect(report.ok, JSON.stringify(report)).toBe(true);
    expect(report.endpoints.map(({ zone, port }) => ({ zone, port }))).toEqual(
      product.kmip.map(({ port }, index) => ({ zone: index + 1, port })),
    );

    for (const endpoint of report.endpoints) {
      const shown = before.endpoints.find(({ zone }) => zone === endpoint.zone)?.serverCertificate;

      expect(endpoint.serverCertificateSha256).toBe(shown?.sha256);
      expect(new X509Certificate(shown?.pem ?? "").checkIP(endpoint.host)).toBeDefined();
    }

    // The endpoints write last uses once a second; what a client does now is written after what the test did.
    const other = await orderInstance(house);
    const client = other.client();

    await client.create();
    client.close();
    await expect
      .poll(async () => (await read<Instance>(`/instances/${other.id}`)).lastKmipAt, { timeout: 10_000 })
      .not.toBeNull();
    expect(await read<Instance>(`/instances/${id}`)).toMatchObject({
      lastKmipAt: null,
      counts: before.counts,
    });
    expect(
      (await read<Certificates>(`/instances/${id}/client-certificates`)).items.map(
        ({ lastSeenAt }) => lastSeenAt,
      ),
    ).toEqual([null]);

    // No rule of deletion counts it.
    const { status } = await house.api("DELETE", `/instances/${id}`, { confirmName: before.name });

    expect(status).toBe(204);
  });

  it("fails at an endpoint that does not answer, and passes at the other", async () => {
    const { id } = await orderInstance(house);
    const pid = processIdOf(product, "kmip", 2);

    process.kill(pid, "SIGSTOP");

    try {
      const report = await test(id);

      expect(report).toMatchObject({ ok: false, endpoints: [{ ok: true }, { ok: false }] });
      expect(report.endpoints[1]?.checks.find(({ status }) => status === "fail")).toMatchObject({
        code: "TLS_FAILED",
        params: { whyCode: "CONNECTION_TIMEOUT" },
        remedy: expect.any(String),
      });
    } finally {
      process.kill(pid, "SIGCONT");
    }

    await expect.poll(async () => (await test(id)).ok, { timeout: 20_000, interval: 2_500 }).toBe(true);
  });

  it("writes no key and no certificate to any log", () => {
    const folder = join(product.dataDir, "logs");
    const logs = readdirSync(folder);

    expect(logs).toContain("web.log");

    for (const name of logs) {
      expect(readFileSync(join(folder, name), "utf8")).not.toMatch(/PRIVATE KEY|BEGIN CERTIFICATE/);
    }
  });
});
