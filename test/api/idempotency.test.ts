import { describe, expect, it, vi } from "vitest";
import * as operations from "@/lib/api/operations";
import { callApi, houseForTests } from "./support/house";

const house = houseForTests();

function order(name: string, key: string, token = house.a.tokens.administrator) {
  return callApi(operations.createInstance, {
    token,
    body: { name, region: "us-south" },
    headers: { "idempotency-key": key },
  });
}

describe("Idempotency-Key", () => {
  it("answers a repeated request with the first answer, and carries it out once", async () => {
    const first = await order("once", "key-1");
    const again = await order("once", "key-1");
    expect(first.status).toBe(202);
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await house.database.prisma.instance.count({ where: { name: "once" } })).toBe(1);
  });

  it("refuses the key for another request", async () => {
    expect(await order("other", "key-1")).toMatchObject({
      status: 409,
      body: { code: "IDEMPOTENCY_KEY_REUSED" },
    });
  });

  it("lets concurrent requests make one instance", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => order("concurrent", "key-2")));
    expect(await house.database.prisma.instance.count({ where: { name: "concurrent" } })).toBe(1);
    expect(answers.filter(({ status }) => status === 202).length).toBeGreaterThanOrEqual(1);
    for (const { status, body } of answers) {
      if (status !== 202) {
        expect(body.code).toBe("IDEMPOTENCY_IN_PROGRESS");
      }
    }
    expect((await order("concurrent", "key-2")).status).toBe(202);
  });

  it("keeps people and accounts apart", async () => {
    expect((await order("theirs", "key-1", house.b.tokens.administrator)).status).toBe(202);
    const byCookie = await callApi(operations.createInstance, {
      cookie: house.a.cookies.administrator,
      body: { name: "by somebody else", region: "us-south" },
      headers: { "idempotency-key": "key-1" },
    });
    expect(byCookie.status).toBe(202);
  });

  it("frees the key after a refusal", async () => {
    expect(await order("once", "key-3")).toMatchObject({ status: 409, body: { code: "NAME_TAKEN" } });
    await house.database.prisma.instance.deleteMany({ where: { name: "once" } });
    expect((await order("once", "key-3")).status).toBe(202);
  });

  it("does not carry out again what was committed before the process died, or the answer was lost", async () => {
    const { pool, prisma } = house.database;
    const make = () =>
      callApi(operations.createToken, {
        token: house.a.tokens.administrator,
        body: { name: "made once", role: "viewer" },
        headers: { "idempotency-key": "crash-1" },
      });
    expect((await make()).status).toBe(201);
    await pool.query(
      `UPDATE idempotency_key SET status = NULL, response = NULL, created_at = now() - interval '1 hour'
       WHERE key = 'crash-1'`,
    );
    expect(await make()).toMatchObject({ status: 409, body: { code: "IDEMPOTENCY_ANSWER_LOST" } });
    expect(await prisma.apiToken.count({ where: { name: "made once" } })).toBe(1);
  });

  it("takes over a request whose process died, but not one that may still run", async () => {
    await house.database.prisma.instance.deleteMany({ where: { name: "concurrent" } });
    const forget = (age: string) =>
      house.database.pool.query(
        `UPDATE idempotency_key SET status = NULL, response = NULL, carried_out = false, created_at = now() - $1::interval WHERE key = 'key-2'`,
        [age],
      );
    await forget("1 minute");
    expect(await order("concurrent", "key-2")).toMatchObject({
      status: 409,
      body: { code: "IDEMPOTENCY_IN_PROGRESS" },
    });
    await forget("10 minutes");
    expect((await order("concurrent", "key-2")).status).toBe(202);
  });

  it("forgets after a day", async () => {
    await house.database.pool.query("UPDATE idempotency_key SET created_at = now() - interval '25 hours'");
    expect(await order("concurrent", "key-2")).toMatchObject({ status: 409, body: { code: "NAME_TAKEN" } });
  });

  it("gives an API token once: it is not kept, and who repeats the request gets the rest", async () => {
    const make = () =>
      callApi(operations.createToken, {
        token: house.a.tokens.administrator,
        body: { name: "kept", role: "viewer" },
        headers: { "idempotency-key": "token-1" },
      });
    const first = await make();
    const again = await make();
    expect(first.body.token).toMatch(/^kmipc_/);
    expect(again.body).toEqual({ ...first.body, token: null });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await house.database.prisma.apiToken.count({ where: { name: "kept" } })).toBe(1);
    const { rows } = await house.database.pool.query(
      "SELECT k::text FROM idempotency_key k WHERE key = 'token-1'",
    );
    expect(JSON.stringify(rows)).not.toContain(first.body.token);
  });

  it("replays an answer without content", async () => {
    const { body } = await order("to be removed", "key-4");
    const remove = () =>
      callApi(operations.deleteInstance, {
        token: house.a.tokens.administrator,
        params: { id: body.id },
        body: { confirmName: "to be removed" },
        headers: { "idempotency-key": "delete-1" },
      });
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(204);
  });

  it("stands for the query string too", async () => {
    const send = (query: Record<string, string>) =>
      callApi(operations.createInstance, {
        token: house.a.tokens.administrator,
        body: { name: "with a query", region: "us-south" },
        query,
        headers: { "idempotency-key": "query-1" },
      });
    expect((await send({ a: "1" })).status).toBe(202);
    expect(await send({ a: "2" })).toMatchObject({ status: 409, body: { code: "IDEMPOTENCY_KEY_REUSED" } });
  });

  it("must be a key", async () => {
    for (const key of ["a b", "x".repeat(201), "é"]) {
      expect(await order("never", key)).toMatchObject({ status: 400, body: { code: "VALIDATION_FAILED" } });
    }
  });
});

describe("the audit comes first", () => {
  it("a write whose record cannot be written does not happen", async () => {
    const { setAuditWriter, auditWriter } = await import("@/lib/core/audit");
    const writer = auditWriter();
    setAuditWriter({ write: vi.fn().mockRejectedValue(new Error("disk full")) });
    try {
      expect(await order("unaudited", "key-5")).toMatchObject({
        status: 503,
        body: { code: "AUDIT_UNAVAILABLE" },
      });
      const token = await callApi(operations.createToken, {
        token: house.a.tokens.administrator,
        body: { name: "unaudited", role: "viewer" },
      });
      expect(token.status).toBe(503);
    } finally {
      setAuditWriter(writer);
    }
    expect(await house.database.prisma.instance.count({ where: { name: "unaudited" } })).toBe(0);
    expect(await house.database.prisma.apiToken.count({ where: { name: "unaudited" } })).toBe(0);
    expect((await order("unaudited", "key-5")).status).toBe(202);
  });
});
