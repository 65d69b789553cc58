import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GET as healthz } from "@/app/healthz/route";
import { GET as metrics } from "@/app/metrics/route";
import { GET as readyz } from "@/app/readyz/route";
import * as operations from "@/lib/api/operations";
import { type Heartbeat, recordHeartbeat, removeEndpointNode } from "@/lib/core/endpoints";
import { readiness } from "@/lib/core/readiness";
import { setDatabase } from "@/lib/db";
import { openDatabase } from "@/lib/db/client";
import { callApi, houseForTests } from "./support/house";

const house = houseForTests();

function beat(zone: number, more: Partial<Heartbeat> = {}): Heartbeat {
  return {
    id: crypto.randomUUID(),
    zone,
    host: "127.0.0.1",
    port: 15695 + zone,
    version: "0.1.0",
    startedAt: new Date(),
    connections: 1,
    requests: 5,
    failedHandshakes: [],
    counters: { accepted: 0, failedHandshakes: {}, operations: {}, limits: {} },
    ...more,
  };
}

const reasons = async () => {
  const response = await readyz();
  const body = (await response.json()) as { reasons: { code: string; detail: string }[] };

  return { status: response.status, reasons: body.reasons.map(({ code }) => code) };
};

async function withoutDatabase(work: () => Promise<void>): Promise<void> {
  const away = openDatabase("postgresql://nobody@127.0.0.1:1/none");
  setDatabase(away);
  try {
    await work();
  } finally {
    setDatabase(house.database);
    await away.close();
  }
}

describe("/readyz", () => {
  it("waits for a live endpoint in every zone", async () => {
    expect(await reasons()).toEqual({ status: 503, reasons: ["ENDPOINT_DOWN", "ENDPOINT_DOWN"] });
    const first = beat(1);
    await recordHeartbeat(first);
    expect(await reasons()).toEqual({ status: 503, reasons: ["ENDPOINT_DOWN"] });
    await recordHeartbeat(beat(2));
    expect(await reasons()).toEqual({ status: 200, reasons: [] });
    await house.database.pool.query(
      "UPDATE endpoint_node SET heartbeat_at = now() - interval '16 seconds' WHERE id = $1",
      [first.id],
    );
    expect(await reasons()).toEqual({ status: 503, reasons: ["ENDPOINT_DOWN"] });
    const { body } = await callApi(operations.listEndpoints, { token: house.a.tokens.viewer });
    expect(body.items.map(({ zone, health }: { zone: number; health: string }) => [zone, health])).toEqual([
      [1, "down"],
      [2, "up"],
    ]);
    // Its successor on the same address takes its place.
    const second = beat(1);
    await recordHeartbeat(second);
    expect(
      (await callApi(operations.listEndpoints, { token: house.a.tokens.viewer })).body.items,
    ).toHaveLength(2);
    await removeEndpointNode(second.id);
    expect((await reasons()).status).toBe(503);
    await recordHeartbeat(second);
  });

  it("waits for migrations and for the database", async () => {
    await house.database.pool.query("UPDATE _prisma_migrations SET finished_at = NULL");
    expect(await reasons()).toEqual({ status: 503, reasons: ["MIGRATIONS_PENDING"] });
    await house.database.pool.query("UPDATE _prisma_migrations SET finished_at = now()");
    expect((await reasons()).status).toBe(200);
    await withoutDatabase(async () =>
      expect(await reasons()).toEqual({ status: 503, reasons: ["DATABASE_UNAVAILABLE"] }),
    );
  });
});

describe("what is wrong although everybody is served", () => {
  const directory = join(process.cwd(), "prisma", "migrations");
  const codes = async (now = new Date()) => {
    const { problems, warnings } = await readiness(directory, now);

    return [...problems, ...warnings].map(({ code, detail }) => `${code}: ${detail}`);
  };

  it("is told at /readyz: a newer schema, a clock that differs, a certificate that has ended by it", async () => {
    const nodes = [beat(1), beat(2)];
    await Promise.all(nodes.map(recordHeartbeat));
    expect(await codes()).toEqual([]);
    await house.database.pool.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ('newer', '-', '99990101000000_newer', now(), 1)`,
    );
    expect(await codes()).toEqual([expect.stringMatching(/^SCHEMA_NEWER: .*99990101000000_newer/)]);
    expect(await (await readyz()).json()).toMatchObject({
      status: "ready",
      reasons: [],
      warnings: [{ code: "SCHEMA_NEWER" }],
    });
    await house.database.pool.query("DELETE FROM _prisma_migrations WHERE id = 'newer'");

    const far = await codes(new Date(Date.now() + 5_000 * 86_400_000));

    expect(far.filter((text) => text.startsWith("CLOCK_DIFFERS"))).toEqual([
      expect.stringMatching(/432000\d{3} s ahead of the clock of the database/),
      expect.stringMatching(/s ahead of what it was/),
    ]);
    expect(far).toContainEqual(expect.stringMatching(/^SERVER_CERTIFICATE_EXPIRED: .*zone-1/));
    expect(await codes(new Date(Date.now() - 120_000))).toEqual([
      expect.stringMatching(/^CLOCK_DIFFERS: .*1[12]\d s behind/),
      expect.stringMatching(/^CLOCK_DIFFERS/),
    ]);
    await Promise.all(nodes.map(({ id }) => removeEndpointNode(id)));
  });
});

describe("/healthz", () => {
  it("answers without a database", async () => {
    await withoutDatabase(async () => expect(healthz().status).toBe(200));
  });
});

describe("/metrics", () => {
  it("has figures of calls, instances and endpoints, and names nobody", async () => {
    await callApi(operations.createInstance, {
      token: house.a.tokens.administrator,
      body: { name: "nobody-sees-this", region: "r" },
    });
    await callApi(operations.getInstance, { token: house.a.tokens.viewer, params: { id: "x" } });
    const text = await (await metrics()).text();
    expect(text).toContain('kmip_console_api_requests_total{operation="createInstance",status="202"} 1');
    expect(text).toContain('kmip_console_api_requests_total{operation="getInstance",status="404"} 1');
    expect(text).toContain('kmip_console_instances{status="inactive"} 1');
    expect(text).toContain('kmip_console_endpoint_up{zone="1"} 1');
    expect(text).toContain("kmip_console_database_up 1");
    expect(text).toMatch(
      /kmip_console_server_certificate_expiry_timestamp_seconds{certificate="zone-1"} 1\d{9}/,
    );
    expect(text).toContain('kmip_console_worker_overdue_seconds{job="audit-intents"} 0');
    expect(text).toContain('kmip_console_database_waiting{work="searches"} 0');
    expect(text).toMatch(/kmip_console_endpoint_audit_failures_total{zone="1",node="[^"]+"} 0/);
    expect(text).not.toContain("nobody-sees-this");
    expect(text).not.toContain(house.a.id);
  });

  it("has what each listener counted, also when it is asked twice at once", async () => {
    const counting = beat(2, {
      requests: 12,
      counters: {
        accepted: 3,
        failedHandshakes: { "not-pinned": 4, timeout: 0 },
        operations: { Get: { success: 9, failure: 1 }, unreadable: { success: 0, failure: 2 } },
        limits: { "messages-delayed": 7 },
        keyManagers: [
          { instanceGuid: "0f2c11aa-guid", endpoint: "https://a.test", circuit: "closed", opened: 2 },
          { instanceGuid: "0f2c11aa-guid", endpoint: "https://b.test", circuit: "open", opened: 1 },
          { instanceGuid: "7d2233bb-guid", endpoint: "https://a.test", circuit: "halfOpen", opened: 4 },
        ],
      },
    });
    await recordHeartbeat(counting);
    const [text, again] = await Promise.all([1, 2].map(async () => (await metrics()).text()));
    const of = `zone="2",node="${counting.id}"`;
    for (const line of [
      `kmip_console_endpoint_accepted_connections_total{${of}} 3`,
      `kmip_console_endpoint_messages_total{${of}} 12`,
      `kmip_console_endpoint_failed_handshakes_total{${of},reason="not-pinned"} 4`,
      `kmip_console_endpoint_operations_total{${of},operation="Get",result="success"} 9`,
      `kmip_console_endpoint_operations_total{${of},operation="Get",result="failure"} 1`,
      `kmip_console_endpoint_operations_total{${of},operation="unreadable",result="failure"} 2`,
      `kmip_console_endpoint_limits_hit_total{${of},limit="messages-delayed"} 7`,
      `kmip_console_endpoint_key_manager_outages_total{${of},key_manager="0f2c11aa"} 3`,
      `kmip_console_endpoint_key_manager_outages_total{${of},key_manager="7d2233bb"} 4`,
      `kmip_console_key_manager_circuit{${of},key_manager="0f2c11aa"} 2`,
      `kmip_console_key_manager_circuit{${of},key_manager="7d2233bb"} 1`,
    ]) {
      expect(text).toContain(line);
      expect(again).toContain(line);
    }
    await removeEndpointNode(counting.id);
    expect(await (await metrics()).text()).not.toContain(counting.id);
  });

  it("still has those of the process when the database is away", async () => {
    await withoutDatabase(async () => {
      const text = await (await metrics()).text();
      expect(text).toContain("kmip_console_database_up 0");
      expect(text).toContain("process_cpu_seconds_total");
    });
  });
});
