/**
 * Addresses out of a request, with nothing allowed but the sandbox, as after `npm start`: a listener of this machine that
 * must never see a token, and the audit of who asked for it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { KnownOperation } from "@/lib/api/handlers";
import * as operations from "@/lib/api/operations";
import { openInstanceKeyManager } from "@/lib/core/key-managers/open-key-manager";
import { refusedEndpoints } from "@/lib/core/key-managers/refused-endpoints";
import { env } from "@/lib/env";
import { Secret } from "@/lib/ibm-cloud/secret";
import { unusedUrl } from "@/test/key-managers/support/stub-server";
import { callApi, houseForTests, keyManagerOf } from "./support/house";

/** Names of this domain resolve to this machine, as an attacker's own DNS server would have it. */
const NAME = "kms.attacker.test";

vi.mock("node:dns", async (original) => {
  const dns = await original<typeof import("node:dns")>();
  const lookup = (name: string, options: object, callback: (...values: unknown[]) => void) =>
    name === "kms.attacker.test"
      ? callback(null, [{ address: "127.0.0.1", family: 4 }])
      : Reflect.apply(dns.lookup, dns, [name, options, callback]);

  return { ...dns, lookup };
});

const folder = mkdtempSync(join(tmpdir(), "kmip-console-outbound-"));
const keyFile = join(folder, "api-key");
const sandboxPort = Number(new URL(await unusedUrl()).port);
Object.assign(process.env, { HPCS_DEPLOYMENT_API_KEY_FILE: keyFile, SANDBOX_PORT: String(sandboxPort) });
delete process.env.OUTBOUND_ALLOW;

const house = houseForTests(sandboxPort);
const token = () => house.a.tokens.operator;
const administrator = () => house.a.tokens.administrator;
const hpcs = () => house.cloud.credentials.hpcs;

const seen: IncomingMessage["headers"][] = [];
let connections = 0;
const listener = createServer((request, response) => {
  seen.push(request.headers);
  response.writeHead(200, { "Content-Type": "application/json" }).end('{"resources":[]}');
}).on("connection", () => {
  connections += 1;
});
const port = () => (listener.address() as AddressInfo).port;

let ordered: { id: string };

beforeAll(async () => {
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  writeFileSync(keyFile, `${house.cloud.credentials.deployment.apiKey}\n`, { mode: 0o600 });
  const { body } = await callApi(operations.createInstance, {
    token: administrator(),
    body: { name: "ordered", region: "us-south" },
  });
  ordered = body;
  await authorize(ordered.id);
});

beforeEach(() => {
  seen.length = 0;
  connections = 0;
});

afterAll(async () => {
  listener.closeAllConnections();
  await new Promise((resolve) => listener.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** The HPCS instance's owner lets the KMIP instance use it. */
async function authorize(kmipInstanceId: string): Promise<void> {
  const { cloud, credentials, sandbox } = house.cloud;
  const { value } = await cloud.iam
    .tokenSource(new Secret(credentials.administrator.apiKey))
    .token({ correlationId: "test" });
  const attributes = (values: Record<string, string>) => ({
    attributes: Object.entries({ accountId: credentials.accountId, ...values }).map(([key, text]) => ({
      key,
      operator: "stringEquals",
      value: text,
    })),
  });
  const roles = [
    "crn:v1:bluemix:public:iam::::role:Viewer",
    "crn:v1:bluemix:public:hs-crypto::::serviceRole:VMwareKMIPManager",
  ];
  const { status } = await fetch(`${sandbox.url}/v2/policies`, {
    method: "POST",
    headers: { Authorization: `Bearer ${value.reveal()}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      type: "authorization",
      subject: attributes({ serviceName: "vmware-solutions", serviceInstance: kmipInstanceId }),
      control: { grant: { roles: roles.map((role_id) => ({ role_id })) } },
      resource: attributes({ serviceName: "hs-crypto", serviceInstance: hpcs().guid }),
    }),
  });
  expect(status).toBe(201);
}

const newest = (action: string) =>
  house.database.prisma.auditEvent.findFirstOrThrow({
    where: { accountId: house.a.id, action },
    orderBy: { id: "desc" },
  });

/** What the newest event of an action says. */
async function recorded(action: string) {
  const { outcome, event } = await newest(action);
  const { requestData, responseData } = JSON.parse(event);

  return { outcome, requestData, responseData };
}

/** Every call that takes an address, with the deployment's own credential or with the caller's. */
function callsTo(endpoint: string, credential: { apiKey?: string } = {}) {
  const kind = credential.apiKey === undefined ? "hpcs" : "key-protect";
  const [crn, crkId] =
    kind === "hpcs"
      ? [hpcs().crn, hpcs().rootKeys[0]?.id ?? ""]
      : [keyManagerOf(house).crn, keyManagerOf(house).crkId];
  const asked = { kind, keyManagerCrn: crn, endpoint, ...credential };
  const instanceId = credential.apiKey === undefined ? { instanceId: ordered.id } : {};
  const keyManager = { kind, crn, crkId, endpoint, ...credential };

  return [
    [operations.listRootKeys, "endpoint", { token: token(), body: { ...asked, ...instanceId } }],
    [operations.validateKeyManager, "endpoint", { token: token(), body: { ...asked, ...instanceId, crkId } }],
    [
      operations.createInstance,
      "keyManager.endpoint",
      { token: administrator(), body: { name: "stolen", region: "us-south", keyManager } },
    ],
    [
      operations.activateInstance,
      "keyManager.endpoint",
      { token: administrator(), params: { id: ordered.id }, body: { keyManager } },
    ],
  ] as const satisfies readonly (readonly [KnownOperation, string, object])[];
}

describe("the deployment's own token", () => {
  it.each(["loopback", "private", "public"])(
    "goes to no address that somebody typed, be it %s",
    async (where) => {
      const endpoint = {
        loopback: `http://127.0.0.1:${port()}`,
        private: "https://10.255.255.1",
        public: "https://kms.attacker.example",
      }[where as "loopback"];

      for (const [operation, field, call] of callsTo(endpoint)) {
        const { status, body } = await callApi(operation, call);
        expect({
          operation: operation.id,
          status,
          code: body.code,
          params: body.invalidParams,
        }).toMatchObject({
          status: 400,
          code: "VALIDATION_FAILED",
          params: [{ name: field, code: "ENDPOINT_WITHOUT_API_KEY" }],
        });
      }
      expect(connections).toBe(0);
    },
  );

  it("goes not even to the right address when somebody typed it", async () => {
    const right = `http://127.0.0.1:${sandboxPort}/hpcs/${hpcs().guid}`;
    const [[operation, , call]] = callsTo(right);

    expect((await callApi(operation, call)).status).toBe(400);
  });

  it("goes where the key manager's cloud says", async () => {
    const [[operation, , { body }]] = callsTo("");
    const { status, body: answer } = await callApi(operation, { token: token(), body });

    expect({ status, keys: answer.items?.length > 0 }).toEqual({ status: 200, keys: true });
    expect(await recorded("vmware-solutions.root-key.list")).toMatchObject({
      outcome: "success",
      requestData: { keyManager: "hpcs", endpoint: null, credentials: "kept" },
      responseData: { endpoint: `127.0.0.1:${sandboxPort}` },
    });
  });

  it("is not asked for in silence", async () => {
    const [[listing, , list], [validation, , validate]] = callsTo(`http://user:secret@127.0.0.1:${port()}`);
    await callApi(listing, list);
    await callApi(validation, validate);

    for (const action of ["vmware-solutions.root-key.list", "vmware-solutions.permission-check.run"]) {
      const event = await newest(action);
      expect(event).toMatchObject({ outcome: "failure", instanceId: ordered.id, targetId: hpcs().crn });
      expect(await recorded(action)).toMatchObject({
        requestData: { keyManager: "hpcs", endpoint: `127.0.0.1:${port()}`, credentials: "kept" },
      });
      expect(event.event).not.toContain("secret@");
    }
  });
});

describe("this machine", () => {
  const own = () => ({ apiKey: keyManagerOf(house).apiKey });

  it("is no key manager's, in whichever spelling", async () => {
    expect(env().OUTBOUND_ALLOW).toEqual([]);

    for (const host of [
      "127.0.0.1",
      "127.0.0.2",
      "localhost",
      "LOCALHOST.",
      "2130706433",
      "0x7f000001",
      "017700000001",
      "127.1",
      "0",
      "0.0.0.0",
      "[::1]",
      "[::]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "[64:ff9b::127.0.0.1]",
      "169.254.169.254",
      "[fe80::1]",
    ]) {
      for (const [operation, field, call] of callsTo(`http://${host}:${port()}`, own())) {
        const { status, body } = await callApi(operation, call);
        expect({ host, operation: operation.id, status, params: body.invalidParams }).toMatchObject({
          status: 400,
          params: [{ name: field, code: "ADDRESS_NOT_ALLOWED" }],
        });
      }
    }
    expect(connections).toBe(0);
  });

  it("is none behind a name either, and nothing tells whether somebody listens", async () => {
    const closed = new URL(await unusedUrl()).port;
    const [open, shut] = await Promise.all(
      [port(), closed].map(async (at) => {
        const answers = [];
        for (const [operation, , call] of callsTo(`http://${NAME}:${at}`, own())) {
          const { status, body } = await callApi(operation, call);
          const report = body.report ?? body;
          answers.push({
            status,
            code: body.code,
            params: body.invalidParams,
            detail: body.detail,
            failed: report.checks?.find((check: { status: string }) => check.status === "fail")?.code,
          });
        }

        return JSON.parse(JSON.stringify(answers).replaceAll(`:${at}`, ":PORT"));
      }),
    );

    expect(open).toEqual(shut);
    expect(open).toMatchObject([
      { status: 400, code: "VALIDATION_FAILED", params: [{ name: "endpoint", code: "ADDRESS_NOT_ALLOWED" }] },
      { status: 200, failed: "ENDPOINT_NOT_ALLOWED" },
      { status: 422, code: "PERMISSION_CHECK_FAILED", failed: "ENDPOINT_NOT_ALLOWED" },
      { status: 422, code: "PERMISSION_CHECK_FAILED", failed: "ENDPOINT_NOT_ALLOWED" },
    ]);
    expect(open[0].detail).toContain("OUTBOUND_ALLOW");
    expect(connections).toBe(0);
  });

  it("is none where it was stored before, and the instance says so", async () => {
    const { prisma } = house.database;
    const { body: instance } = await callApi(operations.createInstance, {
      token: administrator(),
      body: { name: "of before", region: "us-south", keyManager: keyManagerOf(house) },
    });
    await prisma.instance.update({
      where: { id: instance.id },
      data: { keyManagerEndpoint: `http://127.0.0.1:${port()}`, keyManagerEndpointGiven: true },
    });
    expect(await refusedEndpoints()).toEqual([{ id: instance.id, host: `127.0.0.1:${port()}` }]);

    const { body: report } = await callApi(operations.runPermissionCheck, {
      token: token(),
      params: { id: instance.id },
    });
    expect(report.checks.find(({ status }: { status: string }) => status === "fail")).toMatchObject({
      code: "ENDPOINT_NOT_ALLOWED",
      remedy: expect.stringContaining("OUTBOUND_ALLOW"),
    });
    const keys = await callApi(operations.listInstanceRootKeys, {
      token: token(),
      params: { id: instance.id },
    });
    expect({ status: keys.status, code: keys.body.code }).toEqual({ status: 422, code: "NOT_AVAILABLE" });
    const row = await prisma.instance.findUniqueOrThrow({ where: { id: instance.id } });
    expect(row).toMatchObject({ status: "attention", statusReason: "ENDPOINT_NOT_ALLOWED" });
    // What is in memory is served as in any outage: it is no refusal of the key manager's.
    const { keyManager } = openInstanceKeyManager(row, house.cloud.cloud);
    await expect(keyManager.listRootKeys({}, { correlationId: "test" })).rejects.toMatchObject({
      failure: "unreachable",
      definite: false,
      code: "ADDRESS_NOT_ALLOWED",
    });
    expect(connections).toBe(0);
  });

  it("is the sandbox's, which the deployment itself names", async () => {
    const endpoint = `http://localhost:${sandboxPort}/key-protect/us-south`;
    const [[listing, , list], [validation, , validate]] = callsTo(endpoint, own());

    expect((await callApi(listing, list)).body.items.length).toBeGreaterThan(0);
    expect((await callApi(validation, validate)).body).toMatchObject({ ok: true });
  });
});

it("an instance of another service is not believed to be a key manager", async () => {
  const { apiKey, crn } = keyManagerOf(house);
  const { guid } = house.cloud.credentials.keyProtect;
  const keyManagerCrn = crn.replace(guid, hpcs().guid);
  const body = { kind: "key-protect", apiKey, keyManagerCrn };
  const { status, body: problem } = await callApi(operations.listRootKeys, { token: token(), body });

  expect({ status, code: problem.code }).toEqual({ status: 404, code: "NOT_FOUND" });
});

describe("who asks key managers for what", () => {
  it("is recorded with the address, also of an order that comes to nothing", async () => {
    const { apiKey, kind, crn, crkId } = keyManagerOf(house);
    const discovered = await callApi(operations.discoverKeyManagers, {
      token: token(),
      body: { kind, apiKey },
    });
    expect(discovered.status).toBe(200);
    expect(await recorded("vmware-solutions.key-manager.discover")).toMatchObject({
      outcome: "success",
      requestData: { keyManager: kind, credentials: "given" },
      responseData: { endpoints: [`127.0.0.1:${sandboxPort}`] },
    });

    const wrong = "no-such-api-key";
    await callApi(operations.discoverKeyManagers, { token: token(), body: { kind, apiKey: wrong } });
    expect(await recorded("vmware-solutions.key-manager.discover")).toMatchObject({ outcome: "failure" });

    await callApi(operations.createInstance, {
      token: administrator(),
      body: { name: "nothing", region: "us-south", keyManager: { kind, crn, crkId, apiKey: wrong } },
    });
    expect(await recorded("vmware-solutions.permission-check.run")).toMatchObject({
      outcome: "success",
      requestData: { keyManager: kind, credentials: "given" },
      responseData: { ok: false, reason: "API_KEY_REFUSED" },
    });
    expect(await newest("vmware-solutions.service.create")).toMatchObject({ outcome: "failure" });

    const events = await house.database.prisma.auditEvent.findMany({ where: { accountId: house.a.id } });
    const text = events.map(({ event }) => event).join();
    expect(text).not.toContain(wrong);
    expect(text).not.toContain(apiKey);
  });

  it("is refused where the audit cannot be written", async () => {
    const { kind, apiKey } = keyManagerOf(house);
    await house.database.pool.query("ALTER TABLE audit_intent RENAME TO audit_intent_away");
    const { body } = await callApi(operations.discoverKeyManagers, {
      token: token(),
      body: { kind, apiKey },
    });
    await house.database.pool.query("ALTER TABLE audit_intent_away RENAME TO audit_intent");

    expect(body.code).toBe("AUDIT_UNAVAILABLE");
  });
});
