import { beforeAll, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { resetRateLimits } from "@/test/support/process-memory";
import { callApi, houseForTests, keyManagerOf } from "./support/house";

const house = houseForTests();
const ACTION = "vmware-solutions.connection-test.run";
let id = "";

beforeAll(async () => {
  const { body } = await callApi(operations.createInstance, {
    token: house.a.tokens.administrator,
    body: { name: "tested", region: "us-south", keyManager: keyManagerOf(house) },
  });
  id = body.id;
});

const run = (token = house.a.tokens.operator, call: object = {}) =>
  callApi(operations.runConnectionTest, { token, params: { id }, ...call });
const events = (accountId: string) =>
  house.database.prisma.auditEvent.findMany({ where: { accountId, action: ACTION }, orderBy: { id: "asc" } });

describe("connection tests by the API", () => {
  it("are for operators, and each is an audit event, as each refusal is", async () => {
    for (const role of ["operator", "administrator"] as const) {
      expect(await run(house.a.tokens[role])).toMatchObject({ status: 200, body: { ok: false } });
    }
    for (const role of ["viewer", "auditor"] as const) {
      expect(await run(house.a.tokens[role])).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
    }
    expect(await run(house.b.tokens.administrator)).toMatchObject({ status: 404 });
    expect(await run("")).toMatchObject({ status: 401 });

    expect((await events(house.a.id)).map(({ outcome, targetId }) => [outcome, targetId])).toEqual([
      ["success", id],
      ["success", id],
      ["failure", id],
      ["failure", id],
    ]);
    expect((await events(house.b.id)).map(({ outcome }) => outcome)).toEqual(["failure"]);
    expect(await house.database.prisma.connectionProbe.count()).toBe(0);
  });

  it("need an instance that is served", async () => {
    const { body } = await callApi(operations.createInstance, {
      token: house.a.tokens.administrator,
      body: { name: "only ordered", region: "us-south" },
    });
    const refused = await run(house.a.tokens.operator, { params: { id: body.id } });
    expect(refused).toMatchObject({ status: 409, body: { code: "INVALID_STATE" } });
  });

  it("are carried out once for each Idempotency-Key", async () => {
    const headers = { "idempotency-key": "test-of-tuesday" };
    const first = await run(house.a.tokens.operator, { headers });
    const before = (await events(house.a.id)).length;
    const again = await run(house.a.tokens.operator, { headers });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.body).toEqual(first.body);
    expect(await events(house.a.id)).toHaveLength(before);
  });

  it("are limited for each instance, and by nobody of another account", async () => {
    resetRateLimits();
    const guesses = await Promise.all(Array.from({ length: 12 }, () => run(house.b.tokens.operator)));
    expect(guesses.some(({ status }) => status === 429)).toBe(true);
    expect((await run()).status).toBe(200);

    const answers: Awaited<ReturnType<typeof run>>[] = [];
    for (let count = 0; count < 10; count += 1) {
      answers.push(await run());
    }
    const refused = answers.at(-1);
    expect(refused).toMatchObject({ status: 429, body: { code: "RATE_LIMITED" } });
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(answers.slice(0, -1).every(({ status }) => status === 200)).toBe(true);
    resetRateLimits();
  });

  it("say when another one runs", async () => {
    await house.database.pool.query(
      `INSERT INTO connection_probe (sha256, instance_id, test_id, expires_at)
       VALUES ('${"ab".repeat(32)}', $1, gen_random_uuid(), now() + interval '1 minute')`,
      [id],
    );
    const refused = await run();
    expect(refused).toMatchObject({ status: 429, body: { code: "RATE_LIMITED" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await events(house.a.id)).at(-1)).toMatchObject({ outcome: "failure" });
  });
});
