import { request } from "node:http";

import { expect, test } from "vitest";

import { readControlToken, type Sandbox } from "../../sandbox/index";
import { bearerOf, kmsClient, startSandbox, temporaryDir } from "./support/harness";

/** A call of the controls. `fetch` does not let a Host header be set, hence the plain client. */
function call(
  sandbox: Sandbox,
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; json: unknown }> {
  const { url = "", token = "" } = sandbox.controlServer ?? {};

  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      { method, headers: { authorization: `Bearer ${token}`, ...options.headers } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, json: text === "" ? undefined : JSON.parse(text) }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}

test("there are none unless they are asked for, and never on the services' port", async () => {
  const without = await startSandbox();
  const withControls = await startSandbox({ controlPort: 0 });

  expect(without.controlServer).toBeUndefined();
  for (const path of ["/state", "/faults", "/clock"]) {
    const headers = { authorization: `Bearer ${withControls.controlServer?.token}` };
    expect((await fetch(`${withControls.url}${path}`, { headers })).status).toBe(404);
  }
});

test("they are on the loopback interface whatever the services are on, and need their token", async () => {
  const dataDir = await temporaryDir();
  const sandbox = await startSandbox({ dataDir, host: "0.0.0.0", controlPort: 0 });

  expect(sandbox.controlServer?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await readControlToken(dataDir)).toBe(sandbox.controlServer?.token);
  const status = async (headers: Record<string, string>) =>
    (await call(sandbox, "GET", "/state", { headers })).status;
  const token = await bearerOf(sandbox.url, sandbox.credentials().manager.apiKey);
  expect(await status({})).toBe(200);
  expect(await status({ authorization: "" })).toBe(401);
  expect(await status({ authorization: `Bearer ${token}` })).toBe(401);
  expect(await status({ host: "rebound.example" })).toBe(403);
  expect(await status({ origin: "http://127.0.0.1" })).toBe(403);
});

test("faults are set, listed and taken back", async () => {
  const sandbox = await startSandbox({ controlPort: 0 });
  const kms = await kmsClient(sandbox);

  const added = await call(sandbox, "POST", "/faults", { body: { kind: "error", status: 500 } });
  expect(added).toMatchObject({ status: 201, json: { fault: { kind: "error", status: 500 }, fired: 0 } });
  expect((await kms("GET", "/keys")).status).toBe(500);
  expect(await call(sandbox, "GET", "/state")).toMatchObject({
    status: 200,
    json: { clockOffsetMs: 0, relaxedWaits: true, faults: [{ fired: 1 }] },
  });
  const { id } = added.json as { id: string };
  expect(await call(sandbox, "DELETE", `/faults/${id}`)).toMatchObject({ status: 200, json: { faults: [] } });
  expect((await call(sandbox, "DELETE", `/faults/${id}`)).status).toBe(404);
  expect((await kms("GET", "/keys")).status).toBe(200);

  await call(sandbox, "PUT", "/faults", { body: [{ kind: "error", status: 503 }, { kind: "hang" }] });
  expect((await kms("GET", "/keys")).status).toBe(503);
  await call(sandbox, "DELETE", "/faults");
  expect((await kms("GET", "/keys")).status).toBe(200);
});

test("clock and waits are moved, and reset with all faults", async () => {
  const sandbox = await startSandbox({ controlPort: 0 });

  await call(sandbox, "PUT", "/clock", { body: { advanceMs: 60_000 } });
  await call(sandbox, "PUT", "/waits", { body: { relaxed: false } });
  await call(sandbox, "POST", "/faults", { body: { kind: "hang" } });
  expect(sandbox.control.state()).toMatchObject({ clockOffsetMs: 60_000, relaxedWaits: false });
  await call(sandbox, "DELETE", "/state");
  expect(sandbox.control.state()).toMatchObject({ clockOffsetMs: 0, relaxedWaits: true, faults: [] });
});

test("roles, API keys and registrations change, by seeded names and by identifiers", async () => {
  const sandbox = await startSandbox({ controlPort: 0 });
  const { manager, keyProtect } = sandbox.credentials();
  const kms = await kmsClient(sandbox);
  const id = keyProtect.rootKeys[0]?.id ?? "";
  const roles = (names: string[]) =>
    call(sandbox, "PUT", "/service-ids/manager/roles", { body: { instance: "keyProtect", roles: names } });

  expect((await roles(["Viewer"])).status).toBe(204);
  expect((await kms("GET", "/keys")).status).toBe(401);
  expect((await roles(["Viewer", "Manager"])).status).toBe(204);
  expect((await kms("GET", "/keys")).status).toBe(200);

  const apiKeys = (disabled: boolean) =>
    call(sandbox, "PUT", `/service-ids/${manager.serviceId}/api-keys`, { body: { disabled } });
  expect((await apiKeys(true)).status).toBe(204);
  await expect(bearerOf(sandbox.url, manager.apiKey)).rejects.toThrow();
  expect((await apiKeys(false)).status).toBe(204);
  await expect(bearerOf(sandbox.url, manager.apiKey)).resolves.toBeDefined();

  const registered = await call(sandbox, "POST", "/registrations", {
    body: { instance: keyProtect.guid, keyId: id, resourceCrn: "crn:v1:bluemix:public:x:::::" },
  });
  expect(registered.status).toBe(204);
  expect((await kms("DELETE", `/keys/${id}`)).code()).toBe("PROTECTED_RESOURCE_ERR");
});

test("what is not understood is refused and changes nothing", async () => {
  const sandbox = await startSandbox({ controlPort: 0 });
  const status = async (method: string, path: string, body?: unknown) =>
    (await call(sandbox, method, path, { body })).status;

  expect(await status("POST", "/faults", { kind: "no-such" })).toBe(400);
  expect(await status("PUT", "/faults", [{ kind: "hang" }, { kind: "error", status: 1 }])).toBe(400);
  expect(await status("PUT", "/clock")).toBe(400);
  expect(await status("PUT", "/clock", { offsetMs: 1, advanceMs: 1 })).toBe(400);
  expect(await status("PUT", "/service-ids/nobody/roles", { instance: "hpcs", roles: [] })).toBe(404);
  expect(await status("PUT", "/service-ids/manager/roles", { instance: "x", roles: [] })).toBe(404);
  expect(await status("PUT", "/service-ids/manager/roles", { instance: "hpcs", roles: ["King"] })).toBe(400);
  expect(await status("POST", "/instances", { service: "cos", name: "x" })).toBe(400);
  expect(await status("POST", "/service-ids", { name: "" })).toBe(400);
  expect(await status("POST", "/state")).toBe(405);
  expect(await status("GET", "/nothing")).toBe(404);
  expect(sandbox.control.state()).toMatchObject({ clockOffsetMs: 0, faults: [] });
});
