import { describe, expect, test } from "vitest";

import type { FaultInput } from "../../sandbox/index";
import { bearerOf, kmsClient, manualClock, newKey, startSandbox } from "./support/harness";

const WRAP = "/keys/:id/actions/wrap";

describe("faults", () => {
  test("an error comes for its route only, in the service's form, as often as it was asked for", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const id = sandbox.credentials().keyProtect.rootKeys[0]?.id;
    sandbox.control.faults.add({
      kind: "error",
      status: 503,
      retryAfterSeconds: 2,
      route: WRAP,
      skip: 1,
      times: 2,
    });

    const wrap = () => kms("POST", `/keys/${id}/actions/wrap`, { body: {} });
    expect((await kms("GET", `/keys/${id}/metadata`)).status).toBe(200);
    expect((await wrap()).status).toBe(200);
    const failed = await wrap();
    expect([failed.status, failed.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(failed.json()).toMatchObject({
      resources: [{ errorMsg: expect.stringMatching(/^Service Unav/) }],
    });
    expect((await wrap()).status).toBe(503);
    expect((await wrap()).status).toBe(200);
    expect(sandbox.control.state().faults).toMatchObject([{ fired: 2 }]);
  });

  test("an error may have a reason code, in each service's own form", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const token = await bearerOf(sandbox.url, sandbox.credentials().manager.apiKey);
    const { faults } = sandbox.control;

    faults.add({ kind: "error", status: 400, code: "CKR_IBM_WK_NOT_INITIALIZED", service: "key-manager" });
    expect((await kms("GET", "/keys")).code()).toBe("CKR_IBM_WK_NOT_INITIALIZED");
    faults.add({ kind: "error", status: 500, service: "resource-controller" });
    const instances = await fetch(`${sandbox.url}/v2/resource_instances`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([instances.status, Object.keys((await instances.json()) as object)]).toEqual([
      500,
      ["errors", "error_code", "message", "status_code"],
    ]);
    faults.add({ kind: "error", status: 503, service: "iam" });
    const exchange = await fetch(`${sandbox.url}/identity/token`, { method: "POST" });
    expect([exchange.status, Object.keys((await exchange.json()) as object)]).toEqual([
      503,
      ["errorCode", "errorMessage", "context"],
    ]);
  });

  test("beyond its budget requests are refused with 429 and Retry-After, others not", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const { guid } = sandbox.credentials().keyProtect;
    // So slow a budget that the test's own duration cannot fill it again.
    sandbox.control.faults.add({ kind: "throttle", perSecond: 0.001, burst: 3, instance: guid });
    const hpcs = await kmsClient(sandbox, { service: "hpcs" });

    const statuses = await Promise.all(Array.from({ length: 5 }, () => kms("GET", "/keys")));
    expect(statuses.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429]);
    expect(statuses.find(({ status }) => status === 429)?.headers.get("retry-after")).toBe("1");
    expect((await hpcs("GET", "/keys")).status).toBe(200);
  });

  test("a connection that is cut after the request leaves what the request did", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const create = (name: string) => kms("POST", "/keys", { body: newKey({ name, extractable: true }) });
    const names = async () => (await kms("GET", "/keys?extractable=true")).keys().map(({ name }) => name);

    sandbox.control.faults.add({ kind: "cut", when: "after", method: "post", route: "/keys", times: 1 });
    await expect(create("answer-lost")).rejects.toThrow();
    expect(await names()).toEqual(["answer-lost"]);
    sandbox.control.faults.add({ kind: "cut", when: "before", route: "/k*", times: 1 });
    await expect(create("never-made")).rejects.toThrow();
    expect(await names()).toEqual(["answer-lost"]);
  });

  test("whoever hangs or is delayed waits no longer when the fault is taken back", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const { faults } = sandbox.control;
    const fired = async () => {
      while (faults.list()[0]?.fired !== 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    };

    faults.add({ kind: "latency", ms: 120_000 });
    const delayed = kms("GET", "/keys");
    await fired();
    faults.clear();
    expect((await delayed).status).toBe(200);

    const { id } = faults.add({ kind: "hang" });
    const hanging = kms("GET", "/keys");
    const outcome = expect(hanging).rejects.toThrow();
    await fired();
    expect(faults.remove(id)).toBe(true);
    expect(faults.remove(id)).toBe(false);
    await outcome;
    expect((await kms("GET", "/keys")).status).toBe(200);
  });

  test("closing does not wait for those who hang", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    sandbox.control.faults.add({ kind: "hang" });
    const outcome = expect(kms("GET", "/keys")).rejects.toThrow();
    while (sandbox.control.faults.list()[0]?.fired !== 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }

    await sandbox.close();
    await outcome;
  });

  test.each<[string, unknown]>([
    ["another kind", { kind: "explosion" }],
    ["a field that is not known", { kind: "hang", rout: "/keys" }],
    ["a status that is no refusal", { kind: "error", status: 200 }],
    ["a rate beyond 1", { kind: "hang", rate: 2 }],
  ])("%s is refused", async (_what, fault) => {
    const { control } = await startSandbox();

    expect(() => control.faults.add(fault as FaultInput)).toThrow();
    expect(control.faults.list()).toEqual([]);
  });
});

describe("the clock and the waits", () => {
  test("a clock moved on lets tokens and keys expire, and goes back", async () => {
    const clock = manualClock();
    const sandbox = await startSandbox({ clock });
    const kms = await kmsClient(sandbox);
    const expirationDate = "2026-03-01T00:30:00Z";
    const made = await kms("POST", "/keys", {
      body: newKey({ name: "short-lived", extractable: false, expirationDate }),
    });
    const { id } = made.key();

    sandbox.control.moveClock({ advanceMs: 20 * 60_000 });
    sandbox.control.moveClock({ advanceMs: 20 * 60_000 });
    expect((await kms("GET", `/keys/${id}/metadata`)).key().state).toBe(3);
    expect((await kms("POST", `/keys/${id}/actions/wrap`, { body: {} })).code()).toBe("KEY_EXPIRED_ERR");
    expect(sandbox.control.state()).toMatchObject({
      now: "2026-03-01T00:40:00.000Z",
      clockOffsetMs: 2_400_000,
    });
    sandbox.control.moveClock({ offsetMs: 3_600_000 });
    expect((await kms("GET", "/keys")).status).toBe(401);
    sandbox.control.reset();
    expect((await kms("GET", `/keys/${id}/metadata`)).key().state).toBe(1);
  });

  test("waits can be enforced and left out again", async () => {
    const sandbox = await startSandbox({ clock: manualClock() });
    const kms = await kmsClient(sandbox);
    const id = sandbox.credentials().keyProtect.rootKeys[0]?.id;
    const act = async (name: string) => (await kms("POST", `/keys/${id}/actions/${name}`)).status;

    sandbox.control.setRelaxedWaits(false);
    expect(await act("disable")).toBe(204);
    expect(await act("enable")).toBe(409);
    sandbox.control.moveClock({ advanceMs: 30_000 });
    expect(await act("enable")).toBe(204);
    expect(await act("rotate")).toBe(204);
    expect(await act("rotate")).toBe(409);
    sandbox.control.reset();
    expect(await act("rotate")).toBe(204);
  });
});
