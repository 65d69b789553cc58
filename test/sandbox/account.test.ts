import { describe, expect, test } from "vitest";
import { z } from "zod";

import type { Sandbox } from "../../sandbox/index";
import { bearerOf, envelopeSchema, kmsClient, newKey, startSandbox, temporaryDir } from "./support/harness";

/** A GET to IAM or the resource controller as `manager`. */
async function get(sandbox: Sandbox, path: string): Promise<{ status: number; json: unknown }> {
  const token = await bearerOf(sandbox.url, sandbox.credentials().manager.apiKey);
  const response = await fetch(`${sandbox.url}${path}`, { headers: { authorization: `Bearer ${token}` } });

  return { status: response.status, json: await response.json() };
}

test("a service role can be narrowed to one key ring", async () => {
  const sandbox = await startSandbox();
  const { manager, keyProtect } = sandbox.credentials();
  const kms = await kmsClient(sandbox);
  const [inDefault, inVmware] = keyProtect.rootKeys;

  await sandbox.control.setRoles({
    serviceId: manager.serviceId,
    instanceGuid: keyProtect.guid,
    roles: ["Viewer", "Manager"],
    keyRing: "vmware",
  });

  expect((await kms("GET", `/keys/${inVmware?.id}/metadata`)).status).toBe(200);
  expect((await kms("GET", `/keys/${inDefault?.id}/metadata`)).status).toBe(401);
  expect((await kms("GET", "/instance/policies")).status).toBe(401);
  expect((await kms("GET", "/keys")).keys().map(({ id }) => id)).toEqual([inVmware?.id]);
});

describe("roles by an access group", () => {
  test("hold for its members, who may read the group and its policies", async () => {
    const sandbox = await startSandbox();
    const { accountId, manager, viewerOnly, keyProtect } = sandbox.credentials();
    const kms = await kmsClient(sandbox);
    const viewer = await kmsClient(sandbox, { as: "viewerOnly" });

    await sandbox.control.setRoles({
      serviceId: manager.serviceId,
      instanceGuid: keyProtect.guid,
      roles: ["Viewer", "Manager"],
      accessGroup: "kmip admins",
    });

    expect((await kms("GET", "/instance/policies")).status).toBe(200);
    expect((await viewer("GET", "/keys")).status).toBe(401);
    const groups = await get(
      sandbox,
      `/v2/groups?account_id=${accountId}&iam_id=iam-${manager.serviceId}&membership_type=all`,
    );
    expect(groups.json).toMatchObject({ total_count: 1, groups: [{ name: "kmip admins" }] });
    const { id } = z.object({ groups: z.array(z.object({ id: z.string() })).length(1) }).parse(groups.json)
      .groups[0] ?? { id: "" };
    const policies = async (query: string) =>
      z
        .object({ policies: z.array(z.unknown()) })
        .parse((await get(sandbox, `/v2/policies?account_id=${accountId}&type=access&${query}`)).json)
        .policies;
    expect(await policies(`access_group_id=${id}`)).toHaveLength(1);
    // What is left by the service ID itself is HPCS'.
    expect(await policies(`iam_id=iam-${manager.serviceId}`)).toHaveLength(1);

    await sandbox.control.setRoles({
      serviceId: viewerOnly.serviceId,
      instanceGuid: keyProtect.guid,
      roles: ["Viewer", "Reader"],
      accessGroup: "kmip admins",
    });
    expect((await viewer("GET", "/keys")).status).toBe(200);
    expect((await get(sandbox, `/v2/groups/${id}/members`)).json).toMatchObject({ total_count: 2 });
    await sandbox.control.setRoles({
      serviceId: manager.serviceId,
      instanceGuid: keyProtect.guid,
      roles: [],
    });
    expect((await kms("GET", "/keys")).status).toBe(401);
  });
});

test("a custom role allows its actions and no others", async () => {
  const sandbox = await startSandbox();
  const { accountId, manager, keyProtect } = sandbox.credentials();
  const kms = await kmsClient(sandbox);
  const id = keyProtect.rootKeys[0]?.id;

  await sandbox.control.setRoles({
    serviceId: manager.serviceId,
    instanceGuid: keyProtect.guid,
    roles: ["Viewer"],
    customRole: { name: "WrapOnly", actions: ["secrets.wrap", "secrets-metadata.read"] },
  });

  expect((await kms("POST", `/keys/${id}/actions/wrap`, { body: {} })).status).toBe(200);
  expect((await kms("GET", `/keys/${id}/metadata`)).status).toBe(200);
  expect((await kms("GET", "/keys")).status).toBe(401);
  expect((await kms("POST", "/keys", { body: newKey({ name: "x1", extractable: true }) })).status).toBe(401);
  const roles = async (service: string) =>
    z
      .object({ custom_roles: z.array(z.unknown()) })
      .parse((await get(sandbox, `/v2/roles?account_id=${accountId}&service_name=${service}`)).json)
      .custom_roles;
  expect(await roles("kms")).toMatchObject([
    {
      name: "WrapOnly",
      crn: `crn:v1:ibmcloud:public:iam-access-management::a/${accountId}::customRole:WrapOnly`,
      actions: ["kms.secrets.wrap", "kms.secrets-metadata.read"],
    },
  ]);
  expect(await roles("hs-crypto")).toEqual([]);
});

test("service IDs and instances are made, and are there after a restart", async () => {
  const dataDir = await temporaryDir();
  const first = await startSandbox({ dataDir });
  const { serviceId, apiKey } = await first.control.addServiceId({ name: "second" });
  const made = await first.control.addInstance({
    service: "kms",
    name: "Frankfurt",
    region: "eu-de",
    rootKeys: ["crk-1", "crk-2"],
  });
  const empty = await first.control.addInstance({ service: "hs-crypto", name: "Without keys" });
  for (const { guid } of [made, empty]) {
    await first.control.setRoles({ serviceId, instanceGuid: guid, roles: ["Viewer", "Manager"] });
  }
  const before = first.credentials();
  await first.close();

  const sandbox = await startSandbox({ dataDir });
  const headers = { authorization: `Bearer ${await bearerOf(sandbox.url, apiKey)}` };
  const instances = async (query: string) =>
    z
      .object({ next_url: z.string().nullable(), resources: z.array(z.object({ guid: z.string() })) })
      .parse(await (await fetch(`${sandbox.url}/v2/resource_instances?${query}`, { headers })).json());
  const keys = async (path: string, guid: string) =>
    envelopeSchema.parse(
      await (
        await fetch(`${sandbox.url}${path}/api/v2/keys`, {
          headers: { ...headers, "bluemix-instance": guid },
        })
      ).json(),
    ).resources;

  expect((await instances("")).resources.map(({ guid }) => guid)).toEqual([made.guid, empty.guid]);
  const page = await instances("limit=1");
  expect(page.resources.map(({ guid }) => guid)).toEqual([made.guid]);
  expect((await instances(page.next_url?.split("?")[1] ?? "")).resources.map(({ guid }) => guid)).toEqual([
    empty.guid,
  ]);
  expect((await keys("/key-protect/eu-de", made.guid))?.map(({ id }) => id)).toEqual(
    made.rootKeys.map(({ id }) => id),
  );
  expect(await keys(`/hpcs/${empty.guid}`, empty.guid)).toBeUndefined();
  // The seeded ones are still those that the credentials name.
  expect({ ...sandbox.credentials(), iamUrl: "", oidc: {} }).toEqual({ ...before, iamUrl: "", oidc: {} });
});
