/** HPCS without an API key: the HPCS instance authorizes the KMIP instance, and the deployment's identity acts for it. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PermissionReport } from "@/lib/api/key-managers/schemas";
import * as operations from "@/lib/api/operations";
import { openInstanceKeyManager } from "@/lib/core/key-managers/open-key-manager";
import { checkDueInstances } from "@/lib/core/permissions/check-due-instances";
import { Secret } from "@/lib/ibm-cloud/secret";
import { forgetDeploymentApiKey } from "@/test/support/process-memory";
import { callApi, houseForTests } from "./support/house";

const folder = mkdtempSync(join(tmpdir(), "kmip-console-deployment-key-"));
const keyFile = join(folder, "api-key");
process.env.HPCS_DEPLOYMENT_API_KEY_FILE = keyFile;

const house = houseForTests();
const token = () => house.a.tokens.administrator;
const hpcs = () => house.cloud.credentials.hpcs;
const selection = () => ({ kind: "hpcs", crn: hpcs().crn, crkId: hpcs().rootKeys[0]?.id ?? "" });
const VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer";
const KMIP_MANAGER = "crn:v1:bluemix:public:hs-crypto::::serviceRole:VMwareKMIPManager";

beforeAll(() => {
  writeFileSync(keyFile, `${house.cloud.credentials.deployment.apiKey}\n`, { mode: 0o600 });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function asAdministrator(method: string, path: string, body?: unknown) {
  const { cloud, credentials, sandbox } = house.cloud;
  const { value } = await cloud.iam
    .tokenSource(new Secret(credentials.administrator.apiKey))
    .token({ correlationId: "test" });
  const response = await fetch(`${sandbox.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${value.reveal()}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();

  return { status: response.status, json: text === "" ? null : JSON.parse(text) };
}

/** What `ibmcloud iam authorization-policy-create` sends. @returns the id of the authorization */
async function authorize(sourceInstance: string, roles = [VIEWER, KMIP_MANAGER]): Promise<string> {
  const { accountId } = house.cloud.credentials;
  const attributes = (values: Record<string, string>) => ({
    attributes: Object.entries({ accountId, ...values }).map(([key, value]) => ({
      key,
      operator: "stringEquals",
      value,
    })),
  });
  const { status, json } = await asAdministrator("POST", "/v2/policies", {
    type: "authorization",
    subject: attributes({ serviceName: "vmware-solutions", serviceInstance: sourceInstance }),
    control: { grant: { roles: roles.map((role_id) => ({ role_id })) } },
    resource: attributes({ serviceName: "hs-crypto", serviceInstance: hpcs().guid }),
  });
  expect(status).toBe(201);

  return json.id;
}

const withdraw = async (id: string) =>
  expect((await asAdministrator("DELETE", `/v2/policies/${id}`)).status).toBe(204);

async function order(name: string): Promise<{ id: string; name: string }> {
  const { status, body } = await callApi(operations.createInstance, {
    token: token(),
    body: { name, region: "us-south" },
  });
  expect({ status, instance: body.status }).toEqual({ status: 202, instance: "inactive" });

  return body;
}

const remove = ({ id, name }: { id: string; name: string }) =>
  callApi(operations.deleteInstance, {
    token: token(),
    params: { id },
    body: { confirmName: name, force: true },
  });
const discover = async (instanceId?: string) =>
  (await callApi(operations.discoverKeyManagers, { token: token(), body: { kind: "hpcs", instanceId } }))
    .body;
const activate = (id: string) =>
  callApi(operations.activateInstance, { token: token(), params: { id }, body: { keyManager: selection() } });

async function validate(instanceId: string): Promise<PermissionReport> {
  const { crn, crkId } = selection();
  const { status, body } = await callApi(operations.validateKeyManager, {
    token: token(),
    body: { kind: "hpcs", keyManagerCrn: crn, crkId, instanceId },
  });
  expect(status).toBe(200);

  return body;
}

const codes = ({ checks }: PermissionReport) => Object.fromEntries(checks.map(({ id, code }) => [id, code]));
const statuses = ({ checks }: PermissionReport) =>
  Object.fromEntries(checks.map(({ id, status }) => [id, status]));

async function stateOf(id: string) {
  const { status, statusReason } = await house.database.prisma.instance.findUniqueOrThrow({ where: { id } });

  return { status, statusReason };
}

async function checkNow(id: string) {
  await house.database.prisma.instance.update({ where: { id }, data: { nextCheckAt: null } });
  expect(await checkDueInstances({ everySeconds: 900, cloud: house.cloud.cloud })).toBe(1);

  return stateOf(id);
}

describe("an HPCS instance without an API key", () => {
  it("is ordered, authorized and activated", async () => {
    const ordered = await order("fra-prod");
    expect(await discover(ordered.id)).toMatchObject({
      keyManagers: [],
      notOffered: [{ guid: hpcs().guid, reason: "NOT_AUTHORIZED" }],
      authorizationCommands: [
        expect.stringContaining(`${ordered.id} --target-service-instance-id ${hpcs().guid}`),
      ],
    });

    const before = await validate(ordered.id);
    expect(codes(before)).toMatchObject({
      apiKey: "DEPLOYMENT_IDENTITY_ACCEPTED",
      authorizationFound: "AUTHORIZATION_MISSING",
      platformViewer: "AUTHORIZED_VIEWER_MISSING",
      vmwareKmipManager: "WAITS_FOR",
      wrapUnwrap: "WAITS_FOR",
    });
    expect(before.checks.find(({ id }) => id === "authorizationFound")).toMatchObject({
      status: "fail",
      remedy: expect.stringContaining(ordered.id),
      command: `ibmcloud iam authorization-policy-create vmware-solutions hs-crypto 'Viewer,VMware KMIP Manager' --source-service-instance-id ${ordered.id} --target-service-instance-id ${hpcs().guid}`,
    });
    expect(await activate(ordered.id)).toMatchObject({
      status: 422,
      body: { code: "PERMISSION_CHECK_FAILED", report: { ok: false } },
    });
    expect((await stateOf(ordered.id)).status).toBe("inactive");

    const authorization = await authorize(ordered.id);
    expect(await discover(ordered.id)).toMatchObject({ keyManagers: [{ crn: hpcs().crn }], notOffered: [] });
    const { body: keys } = await callApi(operations.listRootKeys, {
      token: token(),
      body: { kind: "hpcs", keyManagerCrn: hpcs().crn, instanceId: ordered.id },
    });
    expect(keys.items.map(({ id }: { id: string }) => id)).toContain(hpcs().rootKeys[0]?.id);
    const report = await validate(ordered.id);
    expect(report.ok).toBe(true);
    expect(statuses(report)).toMatchObject({
      authorizationFound: "pass",
      platformViewer: "pass",
      vmwareKmipManager: "pass",
      crkInDefaultKeyRing: "pass",
      crkActive: "pass",
      wrapUnwrap: "pass",
    });

    const { status, body } = await activate(ordered.id);
    expect({ status, instance: body.status }).toEqual({ status: 202, instance: "installed" });
    expect(body.keyManager).toMatchObject({
      kind: "hpcs",
      keyRing: "default",
      serviceId: house.cloud.credentials.deployment.serviceId,
    });
    expect(body.endpoints).toMatchObject([{ dedicated: true }, { dedicated: true }]);

    // What serving does, with no key of a person's at all.
    const row = await house.database.prisma.instance.findUniqueOrThrow({ where: { id: ordered.id } });
    expect(row.apiKeySealed).toBeNull();
    const { keyManager, crkId } = openInstanceKeyManager(row, house.cloud.cloud);
    const call = { correlationId: "test" };
    const wrapped = await keyManager.wrap(crkId, Buffer.alloc(32, 7), ["a"], call);
    const unwrapped = await keyManager.unwrap(crkId, wrapped.bytes, ["a"], call);
    expect(Buffer.from(unwrapped.plaintext)).toEqual(Buffer.alloc(32, 7));

    expect(await checkNow(ordered.id)).toEqual({ status: "installed", statusReason: null });
    await withdraw(authorization);
    expect(await checkNow(ordered.id)).toEqual({
      status: "attention",
      statusReason: expect.stringMatching(/^(AUTHORIZATION_MISSING|KMIP_MANAGER_MISSING)$/),
    });
    await expect(keyManager.wrap(crkId, Buffer.alloc(32, 7), ["a"], call)).rejects.toMatchObject({
      failure: "forbidden",
    });
    const again = await authorize(ordered.id);
    expect(await checkNow(ordered.id)).toEqual({ status: "installed", statusReason: null });

    const events = await house.database.prisma.auditEvent.findMany({ where: { instanceId: ordered.id } });
    const text = JSON.stringify(events.map(({ event }) => event));
    expect(text).toContain("service authorization");
    expect(text).not.toContain(house.cloud.credentials.deployment.apiKey);
    await withdraw(again);
    await remove(ordered);
  });

  it("is not served by another instance's authorization, nor by half of one", async () => {
    const [mine, other] = [await order("mine"), await order("other")];
    const elsewhere = await authorize(other.id);
    const missing = (await validate(mine.id)).checks.find(({ id }) => id === "authorizationFound");
    expect(missing).toMatchObject({
      code: "AUTHORIZATION_MISSING",
      params: { whyCode: "AUTHORIZATION_OF_OTHER_INSTANCE" },
      detail: expect.stringContaining(other.id),
    });
    expect((await activate(mine.id)).body.code).toBe("PERMISSION_CHECK_FAILED");

    const viewer = await authorize(mine.id, [VIEWER]);
    expect(codes(await validate(mine.id))).toMatchObject({
      authorizationFound: "AUTHORIZATION_FOUND",
      platformViewer: "PLATFORM_VIEWER_HELD",
      vmwareKmipManager: "KMIP_MANAGER_MISSING",
      crkActive: "WAITS_FOR",
    });
    await withdraw(viewer);
    const role = await authorize(mine.id, [KMIP_MANAGER]);
    expect(codes(await validate(mine.id))).toMatchObject({
      authorizationFound: "AUTHORIZATION_FOUND",
      platformViewer: "AUTHORIZED_VIEWER_MISSING",
    });
    await withdraw(role);
    await withdraw(elsewhere);
    await remove(mine);
    await remove(other);
  });

  it("needs an instance that was ordered, of the same account", async () => {
    const foreign = await callApi(operations.createInstance, {
      token: house.b.tokens.administrator,
      body: { name: "foreign", region: "us-south" },
    });
    for (const [instanceId, status, code] of [
      [foreign.body.id, 404, "NOT_FOUND"],
      [undefined, 400, "VALIDATION_FAILED"],
    ] as const) {
      const answer = await callApi(operations.listRootKeys, {
        token: token(),
        body: { kind: "hpcs", keyManagerCrn: hpcs().crn, instanceId },
      });
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    }
    expect(await discover()).toMatchObject({ keyManagers: [], notOffered: [{ reason: "NOT_AUTHORIZED" }] });
    // An order in one step cannot have been authorized: its id is new.
    const { body } = await callApi(operations.createInstance, {
      token: token(),
      body: { name: "one-step", region: "us-south", keyManager: selection() },
    });
    expect(body.code).toBe("PERMISSION_CHECK_FAILED");
    expect(codes(body.report).authorizationFound).toBe("AUTHORIZATION_MISSING");
  });

  it("says what is wrong with the deployment's own identity", async () => {
    const ordered = await order("identity");
    const authorization = await authorize(ordered.id);
    renameSync(keyFile, `${keyFile}.away`);
    forgetDeploymentApiKey();
    expect(codes(await validate(ordered.id))).toMatchObject({
      apiKey: "DEPLOYMENT_IDENTITY_MISSING",
      authorizationFound: "WAITS_FOR",
    });

    for (const { apiKey } of [{ apiKey: "no-such-api-key" }, house.cloud.credentials.viewerOnly]) {
      writeFileSync(keyFile, apiKey);
      forgetDeploymentApiKey();
      const report = await validate(ordered.id);
      expect(codes(report).apiKey).toBe("DEPLOYMENT_IDENTITY_REFUSED");
      expect(JSON.stringify(report)).not.toContain(apiKey);
    }
    renameSync(`${keyFile}.away`, keyFile);
    forgetDeploymentApiKey();
    expect((await validate(ordered.id)).ok).toBe(true);
    await withdraw(authorization);
    await remove(ordered);
  });

  it("goes on where its endpoint was typed before that needed an API key, with a warning", async () => {
    const ordered = await order("typed");
    const authorization = await authorize(ordered.id);
    expect((await activate(ordered.id)).status).toBe(202);
    const row = await house.database.prisma.instance.update({
      where: { id: ordered.id },
      data: { keyManagerEndpointGiven: true },
    });

    const { body: report } = await callApi(operations.runPermissionCheck, {
      token: token(),
      params: { id: ordered.id },
    });
    expect(report.ok).toBe(true);
    expect(report.checks.find(({ id }: { id: string }) => id === "instanceReachable")).toMatchObject({
      status: "warn",
      code: "ENDPOINT_TYPED",
      detail: expect.stringContaining(row.keyManagerEndpoint ?? ""),
    });

    // The way out: an API key of its own.
    const { status } = await callApi(operations.updateInstance, {
      token: token(),
      params: { id: ordered.id },
      body: { apiKey: house.cloud.credentials.manager.apiKey },
    });
    expect(status).toBe(200);
    const { body: after } = await callApi(operations.runPermissionCheck, {
      token: token(),
      params: { id: ordered.id },
    });
    expect(statuses(after)).toMatchObject({ instanceReachable: "pass" });
    await withdraw(authorization);
    await remove(ordered);
  });

  it("may have an API key all the same", async () => {
    const { body } = await callApi(operations.createInstance, {
      token: token(),
      body: {
        name: "with-key",
        region: "us-south",
        keyManager: { ...selection(), apiKey: house.cloud.credentials.manager.apiKey },
      },
    });
    expect(body).toMatchObject({
      status: "installed",
      keyManager: { serviceId: house.cloud.credentials.manager.serviceId },
    });
    await remove(body);
  });
});
