import { randomUUID } from "node:crypto";
import { connect } from "node:tls";
import { describe, expect, it } from "vitest";
import { createChangeEvents } from "@/lib/core/change-events";
import { createTenantDirectory } from "@/lib/core/serving/tenant-directory";
import { publishIn } from "@/lib/db";
import { createSelfSigned, type SelfSignedOptions, type TestCertificate } from "@/test/support/certificates";
import { addCertificate, addInstanceRow, eventually } from "@/test/support/kek-fixtures";
import { type Endpoint, worldForTests } from "@/test/support/world";

const world = worldForTests();

type Rule = { expiredCertificates?: "warn" | "grace"; expiredGraceDays?: number };

const instance = (rule: Rule = {}) =>
  addInstanceRow(world.test.database, world.accountId, { crkId: randomUUID(), ...rule });

async function pin(
  instanceId: string,
  dates: Pick<SelfSignedOptions, "days" | "fromDays">,
  createdAt?: Date,
): Promise<TestCertificate> {
  const certificate = await createSelfSigned({ commonName: "vcenter", ...dates });
  // By default it was pinned while it was valid.
  await addCertificate(world.test.database, instanceId, {
    ...certificate,
    createdAt: createdAt ?? new Date("2020-01-01T00:00:00Z"),
  });

  return certificate;
}

async function isLetIn(endpoint: Endpoint, certificate: TestCertificate): Promise<boolean> {
  const client = endpoint.connect(certificate);
  try {
    await client.discoverVersions();

    return true;
  } catch {
    return false;
  } finally {
    client.close();
  }
}

const lastRefusal = (endpoint: Endpoint) => endpoint.server.stats().failedHandshakes.at(-1);

/** An endpoint that looks through its open connections often. */
async function attentiveEndpoint(): Promise<Endpoint & { end(): Promise<void> }> {
  const events = createChangeEvents(world.test.url);
  const tenants = createTenantDirectory({
    database: world.test.database,
    events,
    logger: world.logger,
    sweepMs: 50,
  });
  await events.ready;
  const endpoint = await world.openEndpoint({ node: `zone-${randomUUID()}`, tenants });

  return {
    ...endpoint,
    async end() {
      await endpoint.close();
      tenants.close();
      await events.close();
    },
  };
}

describe("pinned certificates outside of their dates", () => {
  it("are refused while they are not valid yet, but for a day of clock skew", async () => {
    const endpoint = await world.openEndpoint({ node: "not-yet" });
    const id = await instance({ expiredCertificates: "warn" });
    const early = await pin(id, { fromDays: 2, days: 30 });
    const skewed = await pin(id, { fromDays: 0.9, days: 30 });

    expect(await isLetIn(endpoint, early)).toBe(false);
    expect(lastRefusal(endpoint)).toMatchObject({
      reason: "certificate-not-yet-valid",
      certificateSha256: early.sha256,
      detail: expect.stringContaining("valid from"),
    });
    expect(await isLetIn(endpoint, skewed)).toBe(true);
    await endpoint.close();
  });

  it("go on for ever where the instance only warns, as all instances did before there was a rule", async () => {
    const endpoint = await world.openEndpoint({ node: "warn" });
    const id = await instance({ expiredCertificates: "warn", expiredGraceDays: 0 });

    expect(await isLetIn(endpoint, await pin(id, { days: -4_000 }))).toBe(true);
    await endpoint.close();
  });

  it("go on for the days of grace after their end, then are refused with the reason", async () => {
    const endpoint = await world.openEndpoint({ node: "grace" });
    const id = await instance({ expiredGraceDays: 30 });
    const over = await pin(id, { days: -31 });

    expect(await isLetIn(endpoint, await pin(id, { days: -29 }))).toBe(true);
    expect(await isLetIn(endpoint, over)).toBe(false);
    expect(lastRefusal(endpoint)).toMatchObject({
      reason: "certificate-expired",
      certificateSha256: over.sha256,
      subject: "CN=vcenter",
      remoteAddress: "127.0.0.1",
      detail: expect.stringContaining("valid until"),
    });
    expect(endpoint.server.stats().failedHandshakeCounts["certificate-expired"]).toBe(1);
    await endpoint.close();
  });

  it("have a year of grace in a new instance, and none where it says so", async () => {
    const endpoint = await world.openEndpoint({ node: "year" });
    const fresh = await instance();
    const strict = await instance({ expiredGraceDays: 0 });

    expect(await isLetIn(endpoint, await pin(fresh, { days: -364 }))).toBe(true);
    expect(await isLetIn(endpoint, await pin(fresh, { days: -366 }))).toBe(false);
    expect(await isLetIn(endpoint, await pin(strict, { days: -0.01 }))).toBe(false);
    await endpoint.close();
  });

  it("that had expired before they were pinned have the grace from then on", async () => {
    const endpoint = await world.openEndpoint({ node: "pinned" });
    const id = await instance({ expiredGraceDays: 30 });
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

    expect(await isLetIn(endpoint, await pin(id, { days: -900 }, daysAgo(29)))).toBe(true);
    expect(await isLetIn(endpoint, await pin(id, { days: -900 }, daysAgo(31)))).toBe(false);
    await endpoint.close();
  });

  it("are let in again, or no more, as soon as the rule of their instance changes", async () => {
    const endpoint = await attentiveEndpoint();
    const id = await instance({ expiredGraceDays: 0 });
    const certificate = await pin(id, { days: -10 });
    const change = async (rule: Rule) => {
      await world.test.database.prisma.instance.update({ where: { id }, data: rule });
      await publishIn(world.test.database.pool, { type: "instance.changed", instanceId: id });
    };

    expect(await isLetIn(endpoint, certificate)).toBe(false);
    await change({ expiredCertificates: "warn" });
    expect(await isLetIn(endpoint, certificate)).toBe(true);

    const client = endpoint.connect(certificate);
    await client.discoverVersions();
    await change({ expiredCertificates: "grace" });
    await eventually(() => endpoint.server.stats().connections === 0, "the open connection is closed");
    client.close();
    expect(await isLetIn(endpoint, certificate)).toBe(false);
    await endpoint.end();
  });

  it("have their open connections closed when they come to their end, idle ones too", async () => {
    const endpoint = await attentiveEndpoint();
    const id = await instance({ expiredGraceDays: 0 });
    const certificate = await pin(id, { days: 3 / 86_400 });
    const idle = connect({
      host: "127.0.0.1",
      port: endpoint.port,
      cert: certificate.certPem,
      key: certificate.keyPem,
      rejectUnauthorized: false,
    });
    const closed = new Promise<void>((resolve) => {
      idle.once("close", () => resolve());
    });
    idle.on("error", () => {});
    await eventually(() => endpoint.server.stats().connections === 1, "the client is let in");
    await closed;

    await eventually(() => endpoint.server.stats().connections === 0, "the endpoint counts it no more");
    expect(
      world.logger.lines.filter(({ level }) => level === "warn").map(({ message }) => message),
    ).toContain("a client certificate has come to its end; its connections are closed");
    expect(await isLetIn(endpoint, certificate)).toBe(false);
    expect(lastRefusal(endpoint)?.reason).toBe("certificate-expired");
    await endpoint.end();
  });
});
