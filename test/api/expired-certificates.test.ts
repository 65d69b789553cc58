import { beforeAll, describe, expect, it } from "vitest";
import { GET as metrics } from "@/app/metrics/route";
import * as operations from "@/lib/api/operations";
import { type ExpiryNotice, tellExpiringCertificates } from "@/lib/core/client-certificates";
import { createSelfSigned } from "@/test/support/certificates";
import { addCertificate } from "@/test/support/kek-fixtures";
import { callApi, houseForTests } from "./support/house";

const house = houseForTests();
const DAY = 86_400_000;
let id = "";
const administrator = () => ({ token: house.a.tokens.administrator, params: { id } });
const patch = (body: unknown, token = house.a.tokens.administrator) =>
  callApi(operations.updateInstance, { token, params: { id }, body });
const rule = async () => (await callApi(operations.getInstance, administrator())).body.expiredCertificates;

async function pin(name: string, days: number, pinnedDaysAgo = 4_000): Promise<string> {
  const certificate = await createSelfSigned({ commonName: name, days });
  const tenant = await addCertificate(house.database, id, {
    ...certificate,
    name,
    createdAt: new Date(Date.now() - pinnedDaysAgo * DAY),
  });

  return tenant.certificateId;
}

const seen = (certificateId: string, daysAgo: number) =>
  house.database.prisma.clientCertificate.update({
    where: { id: certificateId },
    data: { lastSeenAt: new Date(Date.now() - daysAgo * DAY) },
  });

beforeAll(async () => {
  const { body } = await callApi(operations.createInstance, {
    token: house.a.tokens.administrator,
    body: { name: "expiring", region: "us-south" },
  });
  id = body.id;
});

describe("the rule for expired certificates", () => {
  it("is a year of grace in a new instance, unless its order says otherwise", async () => {
    expect(await rule()).toEqual({ rule: "grace", graceDays: 365 });

    const { body } = await callApi(operations.createInstance, {
      token: house.a.tokens.administrator,
      body: { name: "warns", region: "us-south", expiredCertificates: { rule: "warn" } },
    });
    expect(body.expiredCertificates).toEqual({ rule: "warn", graceDays: 365 });
  });

  it("is changed by an administrator alone, in parts, and the change is in the audit log", async () => {
    expect((await patch({ expiredCertificates: { rule: "warn" } }, house.a.tokens.operator)).status).toBe(
      403,
    );
    expect((await patch({ expiredCertificates: { graceDays: 30 } })).body.expiredCertificates).toEqual({
      rule: "grace",
      graceDays: 30,
    });
    expect((await patch({ expiredCertificates: { rule: "warn" } })).status).toBe(200);
    expect(await rule()).toEqual({ rule: "warn", graceDays: 30 });

    const { body } = await callApi(operations.listAuditEvents, {
      token: house.a.tokens.administrator,
      query: { action: "vmware-solutions.service.update", limit: "1" },
    });
    expect(JSON.stringify(body.items[0])).toContain('"expiredCertificates":{"from":"grace","to":"warn"}');
  });

  it.each([{ graceDays: -1 }, { graceDays: 3_651 }, { graceDays: 1.5 }, { rule: "never" }])(
    "is not %o",
    async (expiredCertificates) => {
      expect((await patch({ expiredCertificates })).status).toBe(400);
    },
  );

  it("says of each certificate when its clients are refused", async () => {
    await patch({ expiredCertificates: { rule: "grace", graceDays: 10 } });
    const certificateId = await pin("refused-from", 100);
    const read = async () =>
      (
        await callApi(operations.getClientCertificate, {
          token: house.a.tokens.viewer,
          params: { id, certificateId },
        })
      ).body;
    const { notAfter, refusedFrom } = await read();
    expect(Date.parse(refusedFrom) - Date.parse(notAfter)).toBe(10 * DAY);

    await patch({ expiredCertificates: { rule: "warn" } });
    expect((await read()).refusedFrom).toBeNull();
  });
});

describe("certificates that have expired or are about to", () => {
  const list = async (query: Record<string, string>, token = house.a.tokens.viewer) =>
    (await callApi(operations.listAccountCertificates, { token, query })).body;

  beforeAll(async () => {
    await pin("soon", 20);
    await seen(await pin("expired in use", -3), 1);
    await seen(await pin("expired long unused", -40), 35);
    await pin("expired never used", -5);
    await pin("fine", 300);
  });

  it("are listed across the account, those that end first come first, a page at a time", async () => {
    const first = await list({ endsWithinDays: "30", limit: "2" });
    const second = await list({ endsWithinDays: "30", limit: "2", cursor: first.nextCursor });
    expect([...first.items, ...second.items].map(({ name }) => name)).toEqual([
      "expired long unused",
      "expired never used",
      "expired in use",
      "soon",
    ]);
    expect(first.items[0].instance).toEqual({ id, name: "expiring" });
    expect(second.nextCursor).toBeNull();
    expect((await list({ endsWithinDays: "0" })).items).toHaveLength(3);
    expect((await list({})).items.length).toBeGreaterThan(4);
    expect((await list({}, house.b.tokens.viewer)).items).toEqual([]);
  });

  it("are counted for monitoring", async () => {
    const text = await (await metrics()).text();
    expect(text).toContain('kmip_console_client_certificates_ending{state="expired"} 3');
    expect(text).toContain('kmip_console_client_certificates_ending{state="soon"} 1');
  });

  it("are told of once a day, however many workers look; in the audit only what is expired and in use", async () => {
    const notices: ExpiryNotice[] = [];
    const errors: unknown[] = [];
    const look = () =>
      tellExpiringCertificates({
        onNotice: (notice) => notices.push(notice),
        onError: (error) => errors.push(error),
      });
    const events = async () =>
      (
        await callApi(operations.listAuditEvents, {
          token: house.a.tokens.viewer,
          query: { action: "vmware-solutions.kmip-certificate.expire" },
        })
      ).body.items;

    await Promise.all([look(), look(), look()]);
    expect(await look()).toBe(0);
    expect(errors).toEqual([]);
    expect(
      notices.map(({ certificateName, expired, inUse }) => [certificateName, expired, inUse]).sort(),
    ).toEqual([
      ["expired in use", true, true],
      ["expired long unused", true, false],
      ["expired never used", true, false],
      ["soon", false, false],
    ]);
    const told = await events();
    expect(told).toMatchObject([
      {
        outcome: "success",
        severity: "warning",
        instanceId: id,
        target: { name: "expired in use" },
        initiator: { name: "KMIP Console worker" },
      },
    ]);
    expect(told).toHaveLength(1);

    // The next day.
    await house.database.pool.query(
      "UPDATE client_certificate SET expiry_told_at = expiry_told_at - interval '24 hours'",
    );
    expect(await look()).toBe(4);
    expect(await events()).toHaveLength(2);
  });
});
