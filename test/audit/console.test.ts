import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashLink } from "@/lib/audit/chain";
import type { AuditEventInput, AuditOutcome } from "@/lib/audit/event";
import { createAuditWriter } from "@/lib/audit/writer";
import type { Actor, Role } from "@/lib/core/actor";
import {
  type AuditEventView,
  type AuditFilters,
  auditHistogram,
  exportAuditEvents,
  getAuditEvent,
  listAuditEvents,
  recordAction,
  setAuditWriter,
  tailAuditEvents,
  verifyAudit,
} from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";
import { actorOf, addAccount, addInstance, manualClock } from "@/test/support/kek-fixtures";

let test: TestDatabase;
let actor: Actor;
let stranger: Actor;
let instanceId: string;
let all: AuditEventView[];

const START = new Date("2025-01-05T00:00:00.000Z");
const ACTIONS = [
  "vmware-solutions.kmip-key.read",
  "vmware-solutions.kmip-key.create",
  "vmware-solutions.kmip.query",
];
const OUTCOMES: readonly AuditOutcome[] = ["success", "failure", "pending"];

function input(index: number, accountId: string | null): AuditEventInput {
  const outcome = OUTCOMES[index % 3] ?? "success";

  return {
    action: ACTIONS[index % 2] ?? "",
    outcome,
    severity: outcome === "failure" ? "warning" : "normal",
    message: `VMware Solutions: thing ${index}`,
    accountId,
    instanceId: index % 4 === 0 ? instanceId : null,
    dataEvent: true,
    correlationId: `c${index}`,
    initiator: {
      id: `CertificateID-${index % 5}`,
      name: `=vcenter ${index % 5}`,
      typeURI: "service/security/client/certificateid",
      credentialType: "certificate",
      address: "192.0.2.1",
      agent: null,
    },
    target: { id: `kek-${index % 6}`, name: null, typeURI: "vmware-solutions/kmip-key" },
  };
}

beforeAll(async () => {
  test = await createTestDatabase();

  const accountId = await addAccount(test.database);

  actor = actorOf(accountId);
  stranger = actorOf(await addAccount(test.database));
  instanceId = (await addInstance(test.database, accountId, { crkId: "crk" })).instanceId;

  const clock = manualClock(START);
  const writers = ["one", "two"].map((node) => createAuditWriter({ pool: test.database.pool, node, clock }));

  for (let index = 0; index < 120; index += 1) {
    const owner = index % 10 === 9 ? stranger.accountId : index % 10 === 8 ? null : accountId;

    await writers[index % 2]?.write([input(index, owner)]);
    clock.advance(index % 7 === 0 ? 0 : 60_000);
  }

  all = (await listAuditEvents(actor, { limit: 200 })).items.slice();
});

afterAll(async () => {
  setAuditWriter(null);
  await test.drop();
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AppError) {
      return error.code;
    }

    throw error;
  }

  return "none";
}

function matches(event: AuditEventView, filters: AuditFilters): boolean {
  return (
    (!filters.from || event.eventTime >= filters.from) &&
    (!filters.to || event.eventTime <= filters.to) &&
    (!filters.action ||
      (filters.action.endsWith(".")
        ? event.action.startsWith(filters.action)
        : event.action === filters.action)) &&
    (!filters.outcome || event.outcome === filters.outcome) &&
    (!filters.severity || event.severity === filters.severity) &&
    (!filters.instanceId || event.instanceId === filters.instanceId) &&
    (!filters.targetId || event.target.id === filters.targetId) &&
    (!filters.initiator ||
      event.initiator.id === filters.initiator ||
      event.initiator.name.includes(filters.initiator)) &&
    (!filters.q || JSON.stringify(event.cadf).includes(filters.q))
  );
}

const minutes = (count: number) => new Date(START.getTime() + count * 60_000);
const filterArbitrary: fc.Arbitrary<AuditFilters> = fc
  .record(
    {
      from: fc.integer({ min: -5, max: 110 }).map(minutes),
      to: fc.integer({ min: -5, max: 110 }).map(minutes),
      action: fc.constantFrom(...ACTIONS, "vmware-solutions.kmip-key.", "vmware-solutions.", "none"),
      outcome: fc.constantFrom(...OUTCOMES),
      severity: fc.constantFrom("normal", "warning", "critical"),
      instanceId: fc.constant("set"),
      targetId: fc.constantFrom("kek-0", "kek-5", "kek"),
      initiator: fc.constantFrom("CertificateID-1", "vcenter 2", "vcenter", "%"),
      q: fc.constantFrom("thing 3", "c11", "nowhere", "_"),
    },
    { requiredKeys: [] },
  )
  .map((filters) =>
    "instanceId" in filters ? { ...filters, instanceId } : filters,
  ) as fc.Arbitrary<AuditFilters>;

describe("the list of audit events", () => {
  it("is the account's own, newest first", () => {
    expect(all).toHaveLength(96);
    expect(all.map((event) => event.id)).toEqual(
      all
        .map((event) => event.id)
        .sort()
        .reverse(),
    );
    expect(all.every((event) => event.cadf.logSourceCRN.includes(actor.accountId))).toBe(true);
  });

  it("filters in every combination as a plain comparison would, in pages of any size", async () => {
    await fc.assert(
      fc.asyncProperty(filterArbitrary, fc.integer({ min: 1, max: 50 }), async (filters, limit) => {
        const found: string[] = [];
        let cursor: string | undefined;

        do {
          const page = await listAuditEvents(actor, { ...filters, limit, cursor });

          found.push(...page.items.map((event) => event.id));
          cursor = page.nextCursor ?? undefined;
        } while (cursor);

        expect(found).toEqual(all.filter((event) => matches(event, filters)).map((event) => event.id));
      }),
      { numRuns: 60 },
    );
  });

  it("shows an event with its CADF form and its place in the chain", async () => {
    const [event] = all;

    if (!event) {
      throw new Error("there are events");
    }

    expect(await getAuditEvent(actor, event.id)).toEqual(event);
    expect(event).toMatchObject({
      initiator: { address: "192.0.2.1" },
      reason: { code: expect.any(Number) },
      chain: { node: expect.stringMatching(/^(one|two)$/), hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(all.find((other) => other.instanceId === instanceId)?.instanceName).toMatch(/^instance-/);
  });

  it("gives nothing away of other accounts", async () => {
    const [event] = all;

    expect(await codeOf(getAuditEvent(stranger, event?.id ?? ""))).toBe("NOT_FOUND");
    expect(await codeOf(getAuditEvent(actor, randomUUID()))).toBe("NOT_FOUND");
    expect(await codeOf(getAuditEvent(actor, "x"))).toBe("NOT_FOUND");
    expect((await listAuditEvents(stranger, { limit: 200 })).items).toHaveLength(12);
    expect((await listAuditEvents(stranger, { limit: 200, instanceId, q: "thing 4" })).items).toEqual([]);
    expect(await codeOf(listAuditEvents(actor, { limit: 5, cursor: "bm9wZQ" }))).toBe("INVALID_CURSOR");
  });
});

describe("the histogram", () => {
  it("counts what the list shows, bucket by bucket, empty ones included", async () => {
    const { bucketSeconds, buckets } = await auditHistogram(actor, { from: START, to: minutes(119) });
    const first = buckets[0]?.start.getTime() ?? 0;

    expect(bucketSeconds).toBe(300);
    expect(buckets.map((bucket) => bucket.start.getTime())).toEqual(
      buckets.map((_, index) => first + index * bucketSeconds * 1_000),
    );

    for (const outcome of OUTCOMES) {
      expect(buckets.reduce((sum, bucket) => sum + bucket[outcome], 0)).toBe(
        all.filter((event) => event.outcome === outcome).length,
      );
    }

    for (const bucket of buckets) {
      const end = bucket.start.getTime() + bucketSeconds * 1_000;
      const inside = all.filter(({ eventTime }) => eventTime >= bucket.start && eventTime.getTime() < end);

      expect(bucket.success + bucket.failure + bucket.pending).toBe(inside.length);
    }
  });

  it("refuses a range that is empty or endless", async () => {
    expect(await codeOf(auditHistogram(actor, { from: START, to: START }))).toBe("VALIDATION_FAILED");
    expect(await codeOf(auditHistogram(actor, { from: new Date(0), to: START }))).toBe("VALIDATION_FAILED");
  });
});

describe("the export", () => {
  async function text(role: Role, format: "ndjson" | "csv", filters: AuditFilters = {}): Promise<string> {
    const chunks: string[] = [];

    for await (const chunk of await exportAuditEvents(actorOf(actor.accountId, role), filters, format)) {
      chunks.push(chunk);
    }

    return chunks.join("");
  }

  beforeAll(() => setAuditWriter({ write: async () => {} }));

  it("has every event with its exact text, so that hashes can be computed again", async () => {
    const lines = (await text("auditor", "ndjson", { to: minutes(200) })).trimEnd().split("\n");

    expect(lines).toHaveLength(96);

    for (const line of lines) {
      const { node, sequence, previousHash, hash } = JSON.parse(line) as Record<string, string> & {
        sequence: number;
      };
      const event = line.slice(line.indexOf('"event":') + 8, -1);

      expect(
        hashLink({
          node: node ?? "",
          sequence: BigInt(sequence),
          previousHash: Buffer.from(previousHash ?? "", "hex"),
          event,
        }).toString("hex"),
      ).toBe(hash);
    }
  });

  it("as CSV has a header, one record an event, and no formula", async () => {
    const lines = (await text("auditor", "csv", { to: minutes(200), outcome: "failure" })).split("\r\n");

    expect(lines[0]).toMatch(/^id,eventTime,action,outcome/);
    expect(lines.length - 2).toBe(all.filter((event) => event.outcome === "failure").length);
    expect(lines.slice(1, -1).every((line) => line.includes(",'=vcenter"))).toBe(true);
  });

  it("takes an auditor, is audited, and does not start when that cannot be written", async () => {
    const recorded: AuditEventInput[] = [];

    setAuditWriter({
      async write(events) {
        recorded.push(...events);
      },
    });
    expect(await codeOf(text("viewer", "csv"))).toBe("FORBIDDEN");
    expect(await codeOf(text("operator", "csv"))).toBe("FORBIDDEN");
    await text("administrator", "csv", { q: "thing 1" });
    expect(recorded).toMatchObject([
      { action: "vmware-solutions.audit-event.export", requestData: { format: "csv" } },
    ]);

    setAuditWriter({ write: () => Promise.reject(new Error("disk full")) });
    expect(await codeOf(text("auditor", "csv"))).toBe("AUDIT_UNAVAILABLE");
  });
});

describe("the live tail", () => {
  it("gives each new event of the account once, in order", async () => {
    const writer = createAuditWriter({ pool: test.database.pool, node: "tail" });
    const controller = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of tailAuditEvents(
        actor,
        { action: "vmware-solutions.kmip.query" },
        controller.signal,
      )) {
        seen.push(event.correlationId);
        if (seen.length === 3) {
          controller.abort();
        }
      }
    })();

    for (const [correlationId, accountId, action] of [
      ["1", actor.accountId, "vmware-solutions.kmip.query"],
      ["other account", stranger.accountId, "vmware-solutions.kmip.query"],
      ["other action", actor.accountId, "vmware-solutions.kmip.discover"],
      ["2", actor.accountId, "vmware-solutions.kmip.query"],
      ["3", actor.accountId, "vmware-solutions.kmip.query"],
    ] as const) {
      await writer.write([{ ...input(0, accountId), instanceId: null, action, correlationId }]);
    }

    await reading;
    expect(seen).toEqual(["1", "2", "3"]);
  });
});

describe("verifying and recording", () => {
  it("checks all chains, is itself audited, and finds the first break", async () => {
    const writer = createAuditWriter({ pool: test.database.pool, node: "console" });

    setAuditWriter(writer);

    const auditor = actorOf(actor.accountId, "auditor");
    const first = await verifyAudit(auditor);

    expect(first).toMatchObject({ ok: true, checked: 125 });
    expect(first.heads.map((head) => head.node)).toEqual(["one", "tail", "two"]);
    expect(await verifyAudit(auditor)).toMatchObject({ ok: true, checked: 126 });
    expect(await codeOf(verifyAudit(actorOf(actor.accountId, "viewer")))).toBe("FORBIDDEN");

    await test.database.pool.query("DELETE FROM audit_event WHERE node = 'two' AND sequence = 17");
    expect(await verifyAudit(auditor)).toMatchObject({
      ok: false,
      firstBreak: { node: "two", sequence: 17, eventId: null, problem: "missing" },
    });

    const [latest] = (await listAuditEvents(actor, { limit: 1 })).items;

    expect(latest).toMatchObject({
      action: "vmware-solutions.audit-event.verify",
      severity: "critical",
      initiator: { id: `user:${auditor.id}` },
    });
  });

  it("records who did what from where, and how it ended", async () => {
    await recordAction(actor, {
      action: "vmware-solutions.service.create",
      target: { id: instanceId, name: "prod" },
      instanceId,
      error: new AppError("PERMISSION_CHECK_FAILED", "no access"),
    });

    const [event] = (await listAuditEvents(actor, { limit: 1 })).items;

    expect(event).toMatchObject({
      action: "vmware-solutions.service.create",
      outcome: "failure",
      severity: "warning",
      message: "VMware Solutions: order KMIP instance prod -failure",
      target: { id: instanceId, name: "prod" },
      reason: { code: 422, type: "Unprocessable Content", forFailure: "PERMISSION_CHECK_FAILED: no access" },
      correlationId: actor.requestId,
    });
    expect(event?.cadf.initiator).toEqual({
      id: `user:${actor.id}`,
      name: actor.name,
      typeURI: "service/security/account/user",
      credential: { type: "user" },
      host: { address: "192.0.2.7", addressType: "IPv4", agent: "test" },
    });
    expect(event?.cadf.target.typeURI).toBe("vmware-solutions/service");
  });

  it("tells nothing of errors that are not meant for people outside", async () => {
    await recordAction(actor, {
      action: "vmware-solutions.service.delete",
      target: { id: instanceId },
      error: new Error("password=hunter2"),
    });

    const [event] = (await listAuditEvents(actor, { limit: 1 })).items;

    expect(JSON.stringify(event)).not.toContain("hunter2");
    expect(event).toMatchObject({
      outcome: "failure",
      reason: { code: 500, forFailure: "INTERNAL: Something failed that nobody expected." },
    });
  });
});
