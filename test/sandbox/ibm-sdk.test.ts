import IamAccessGroupsV2 from "@ibm-cloud/platform-services/iam-access-groups/v2";
import IamIdentityV1 from "@ibm-cloud/platform-services/iam-identity/v1";
import IamPolicyManagementV1 from "@ibm-cloud/platform-services/iam-policy-management/v1";
import ResourceControllerV2 from "@ibm-cloud/platform-services/resource-controller/v2";
import { IamAuthenticator } from "ibm-cloud-sdk-core";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import type { Sandbox } from "../../sandbox/index";
import { envelopeSchema, KEY_TYPE, newKey, startSandbox, wrapSchema } from "./support/harness";
import { IbmKeyProtectApiV2, KeyProtectAuthenticator } from "./support/key-protect-sdk";

/** IBM's own Node.js SDKs, unmodified, pointed at a sandbox with the API key of one service ID. */
function sdks(sandbox: Sandbox, as: "manager" | "viewerOnly" | "administrator" = "manager") {
  const { [as]: identity, keyProtect, accountId } = sandbox.credentials();
  const { apiKey: apikey, serviceId } = identity;
  const options = {
    authenticator: new IamAuthenticator({ apikey, url: sandbox.url }),
    serviceUrl: sandbox.url,
  };
  const kp = new IbmKeyProtectApiV2({
    authenticator: new KeyProtectAuthenticator({ apikey, url: sandbox.url }),
    serviceUrl: `${sandbox.url}/key-protect/us-south`,
  });

  return {
    kp,
    identity: new IamIdentityV1(options),
    policies: new IamPolicyManagementV1(options),
    groups: new IamAccessGroupsV2(options),
    resources: new ResourceControllerV2(options),
    authenticator: options.authenticator,
    bluemixInstance: keyProtect.guid,
    accountId,
    serviceId,
    apikey,
  };
}

const grantSchema = z.object({ grant: z.object({ roles: z.array(z.object({ role_id: z.string() })) }) });

function body(resource: Record<string, unknown>): Buffer {
  return Buffer.from(JSON.stringify(newKey(resource)));
}

/** Status of the refusal of a promise that must be refused. */
async function refusal(promise: Promise<unknown>): Promise<number> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error && "status" in error && typeof error.status === "number") {
      return error.status;
    }
    throw error;
  }
  throw new Error("was not refused");
}

async function createdKey(
  { kp, bluemixInstance }: ReturnType<typeof sdks>,
  resource: Record<string, unknown>,
): Promise<string> {
  const { result } = await kp.createKey({
    bluemixInstance,
    body: body(resource),
    prefer: "return=representation",
  });
  const id = envelopeSchema.parse(result).resources?.[0]?.id;
  if (id === undefined) {
    throw new Error("no key");
  }

  return id;
}

describe("IAM and resource controller", () => {
  test("a token is had, and is a token of IAM's form", async () => {
    const { authenticator } = sdks(await startSandbox());
    const request = { headers: {} as Record<string, string> };

    await authenticator.authenticate(request);

    expect(request.headers.Authorization).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  });

  test("an unknown API key is refused with 400 BXNIM0415E", async () => {
    const sandbox = await startSandbox();
    const wrong = new IamAuthenticator({ apikey: "not-a-key", url: sandbox.url });

    await expect(wrong.authenticate({ headers: {} })).rejects.toMatchObject({ status: 400 });
  });

  test("an API key leads to its service ID, and the service ID to its API keys", async () => {
    const { identity, apikey, serviceId, accountId } = sdks(await startSandbox());

    const details = (await identity.getApiKeysDetails({ iamApiKey: apikey })).result;
    const own = (await identity.getServiceId({ id: serviceId })).result;
    const listed = (await identity.listServiceIds({ accountId })).result;
    const keys = (await identity.listApiKeys({ accountId, iamId: own.iam_id })).result;

    expect(details).toMatchObject({ iam_id: `iam-${serviceId}`, account_id: accountId, apikey: "" });
    expect(own).toMatchObject({ id: serviceId, iam_id: `iam-${serviceId}`, name: "manager" });
    expect(listed.serviceids.map(({ id }) => id)).toEqual([serviceId]);
    expect(keys.apikeys.map(({ id }) => id)).toEqual([details.id]);
    expect(JSON.stringify([details, keys])).not.toContain(apikey);
  });

  test("another service ID of the account is not shown", async () => {
    const sandbox = await startSandbox();
    const { identity } = sdks(sandbox);

    expect(await refusal(identity.getServiceId({ id: sandbox.credentials().viewerOnly.serviceId }))).toBe(
      404,
    );
  });

  test("policies tell the roles; those of the first version are placeholders", async () => {
    const sandbox = await startSandbox();
    const { policies, accountId, serviceId } = sdks(sandbox);
    const viewer = sdks(sandbox, "viewerOnly");

    const found = (await policies.listV2Policies({ accountId, iamId: `iam-${serviceId}` })).result.policies;
    const viewers = (await viewer.policies.listV2Policies({ accountId })).result.policies;
    const first = found[0];
    if (!first?.id) {
      throw new Error("no policy");
    }
    const single = (await policies.getV2Policy({ id: first.id })).result;
    const old = (await policies.listPolicies({ accountId })).result.policies;

    const rolesOf = (list: typeof found): string[] =>
      list.flatMap(({ control }) => grantSchema.parse(control).grant.roles.map((role) => role.role_id));
    expect(rolesOf(found)).toContain("crn:v1:bluemix:public:iam::::serviceRole:Manager");
    expect(found[0]).toMatchObject({ type: "access", state: "active" });
    expect(rolesOf(viewers.filter(({ type }) => type === "access"))).toEqual([
      "crn:v1:bluemix:public:iam::::role:Viewer",
      "crn:v1:bluemix:public:iam::::role:Viewer",
    ]);
    expect(single.id).toBe(first.id);
    expect(
      old
        .flatMap((policy) => policy.roles ?? [])
        .every(({ role_id }) => role_id.endsWith("UnsupportedVersion")),
    ).toBe(true);
  });

  test("an administrator authorizes a KMIP instance on the HPCS instance, and takes it back", async () => {
    const sandbox = await startSandbox();
    const { policies, accountId } = sdks(sandbox, "administrator");
    const { guid } = sandbox.credentials().hpcs;
    const attribute = (key: string, value: string) => ({ key, operator: "stringEquals" as const, value });
    const wanted = {
      type: "authorization" as const,
      subject: {
        attributes: [
          attribute("accountId", accountId),
          attribute("serviceName", "vmware-solutions"),
          attribute("serviceInstance", "kmip-1"),
        ],
      },
      control: {
        grant: {
          roles: [
            { role_id: "crn:v1:bluemix:public:iam::::role:Viewer" },
            { role_id: "crn:v1:bluemix:public:hs-crypto::::serviceRole:VMwareKMIPManager" },
          ],
        },
      },
      resource: {
        attributes: [
          attribute("accountId", accountId),
          attribute("serviceName", "hs-crypto"),
          attribute("serviceInstance", guid),
        ],
      },
    };
    const list = async () =>
      (await policies.listV2Policies({ accountId, type: "authorization", serviceName: "hs-crypto" })).result
        .policies;
    expect(await list()).toEqual([]);
    expect(await refusal(sdks(sandbox).policies.createV2Policy(wanted))).toBe(403);
    const made = (await policies.createV2Policy(wanted)).result;
    expect(await list()).toMatchObject([{ id: made.id, type: "authorization", control: wanted.control }]);
    expect(await refusal(sdks(sandbox).policies.deleteV2Policy({ id: made.id ?? "" }))).toBe(403);
    await policies.deleteV2Policy({ id: made.id ?? "" });
    expect(await list()).toEqual([]);
  });

  test("roles and access groups are listed", async () => {
    const { policies, groups, accountId, serviceId } = sdks(await startSandbox());

    const roles = (await policies.listRoles({ accountId, serviceName: "kms" })).result;
    const found = (await groups.listAccessGroups({ accountId, iamId: `iam-${serviceId}` })).result;

    const manager = roles.service_roles.find((role) => role.display_name === "Manager");
    expect(manager?.actions).toContain("kms.secrets.delete");
    expect(roles.system_roles.map((role) => role.display_name)).toContain("Viewer");
    expect(found).toMatchObject({ total_count: 0, groups: [] });
  });

  test.each(["manager", "viewerOnly"] as const)("%s sees the instances with their endpoints", async (as) => {
    const sandbox = await startSandbox();
    const { resources } = sdks(sandbox, as);
    const { keyProtect, hpcs } = sandbox.credentials();

    const all = (await resources.listResourceInstances({})).result;
    const byGuid = (await resources.listResourceInstances({ guid: hpcs.guid })).result.resources;
    const byCrn = (await resources.getResourceInstance({ id: keyProtect.crn })).result;

    expect(all.rows_count).toBe(2);
    expect(byGuid.map(({ crn }) => crn)).toEqual([hpcs.crn]);
    expect(byGuid[0]?.extensions).toMatchObject({
      endpoints: { public: `${sandbox.url}/hpcs/${hpcs.guid}` },
    });
    expect(byCrn).toMatchObject({
      guid: keyProtect.guid,
      state: "active",
      sub_type: "kms",
      extensions: { endpoints: { private: `${sandbox.url}/key-protect/us-south` } },
    });
    expect(await refusal(resources.getResourceInstance({ id: "01234567-0000-4000-8000-000000000000" }))).toBe(
      404,
    );
  });
});

describe("Key Protect", () => {
  test("the seeded root keys are listed and counted", async () => {
    const sandbox = await startSandbox();
    const { kp, bluemixInstance } = sdks(sandbox);

    const { result } = await kp.getKeys({ bluemixInstance, state: [1, 5], extractable: false });
    const { headers } = await kp.getKeyCollectionMetadata({ bluemixInstance });

    const ids = envelopeSchema.parse(result).resources?.map(({ id }) => id);
    expect(ids).toEqual(sandbox.credentials().keyProtect.rootKeys.map(({ id }) => id));
    expect(new Headers(headers as Record<string, string>).get("key-total")).toBe("2");
  });

  test("a standard key keeps the payload it was made with; a root key never shows one", async () => {
    const sdk = sdks(await startSandbox());
    const { kp, bluemixInstance } = sdk;
    const payload = Buffer.from("wrapped KEK, any bytes").toString("base64");

    const standard = await createdKey(sdk, { name: "standard", extractable: true, payload });
    const root = await createdKey(sdk, { name: "root", extractable: false });
    const [read, metadata, rootRead] = await Promise.all([
      kp.getKey({ bluemixInstance, id: standard }),
      kp.getKeyMetadata({ bluemixInstance, id: standard }),
      kp.getKey({ bluemixInstance, id: root }),
    ]);

    expect(envelopeSchema.parse(read.result).resources?.[0]).toMatchObject({
      payload,
      imported: true,
      type: KEY_TYPE,
    });
    expect(envelopeSchema.parse(metadata.result).resources?.[0]).not.toHaveProperty("payload");
    expect(envelopeSchema.parse(rootRead.result).resources?.[0]).not.toHaveProperty("payload");
  });

  test("what was wrapped with AAD is unwrapped with the same AAD only", async () => {
    const sandbox = await startSandbox();
    const { kp, bluemixInstance } = sdks(sandbox);
    const id = sandbox.credentials().keyProtect.rootKeys[0]?.id ?? "";
    const plaintext = Buffer.alloc(32, 7).toString("base64");
    const wrapBody = (value: unknown) => ({
      bluemixInstance,
      id,
      keyActionWrapBody: Buffer.from(JSON.stringify(value)),
    });
    const unwrapBody = (value: unknown) => ({
      bluemixInstance,
      id,
      keyActionUnwrapBody: Buffer.from(JSON.stringify(value)),
    });

    const wrapped = wrapSchema.parse((await kp.wrapKey(wrapBody({ plaintext, aad: ["a", "b"] }))).result);
    const { ciphertext } = wrapped;
    const right = wrapSchema.parse((await kp.unwrapKey(unwrapBody({ ciphertext, aad: ["a", "b"] }))).result);

    expect(wrapped).not.toHaveProperty("plaintext");
    expect(right).toEqual({ plaintext, keyVersion: wrapped.keyVersion });
    for (const aad of [["b", "a"], ["ab"], ["a", "b", ""], []]) {
      expect(await refusal(kp.unwrapKey(unwrapBody({ ciphertext, aad })))).toBe(422);
    }
  });

  test("after a rotation the old ciphertext still opens, and a new one comes with it", async () => {
    const sandbox = await startSandbox();
    const sdk = sdks(sandbox);
    const { kp, bluemixInstance } = sdk;
    const id = await createdKey(sdk, { name: "rotating", extractable: false });
    const act = (value: unknown) => Buffer.from(JSON.stringify(value));
    const generated = wrapSchema.parse(
      (await kp.wrapKey({ bluemixInstance, id, keyActionWrapBody: act({ aad: ["x"] }) })).result,
    );

    const rotated = await kp.rotateKey({ bluemixInstance, id });
    const unwrapped = wrapSchema.parse(
      (
        await kp.unwrapKey({
          bluemixInstance,
          id,
          keyActionUnwrapBody: act({ ciphertext: generated.ciphertext, aad: ["x"] }),
        })
      ).result,
    );
    const again = wrapSchema.parse(
      (
        await kp.unwrapKey({
          bluemixInstance,
          id,
          keyActionUnwrapBody: act({ ciphertext: unwrapped.ciphertext, aad: ["x"] }),
        })
      ).result,
    );
    const rewrapped = wrapSchema.parse(
      (
        await kp.rewrapKey({
          bluemixInstance,
          id,
          keyActionRewrapBody: act({ ciphertext: generated.ciphertext, aad: ["x"] }),
        })
      ).result,
    );
    const versions = (await kp.getKeyVersions({ bluemixInstance, id })).result.resources ?? [];

    expect(rotated.status).toBe(204);
    expect(Buffer.from(generated.plaintext ?? "", "base64")).toHaveLength(32);
    expect(unwrapped.plaintext).toBe(generated.plaintext);
    expect(unwrapped.keyVersion).toEqual(generated.keyVersion);
    expect(unwrapped.rewrappedKeyVersion?.id).toBe(versions[0]?.id);
    expect(unwrapped.ciphertext).not.toBe(generated.ciphertext);
    expect(again).toEqual({ plaintext: generated.plaintext, keyVersion: { id: versions[0]?.id } });
    expect(rewrapped).toMatchObject({
      keyVersion: generated.keyVersion,
      rewrappedKeyVersion: { id: versions[0]?.id },
    });
    expect(rewrapped).not.toHaveProperty("plaintext");
    expect(versions.map((version) => version.id)).toEqual([versions[0]?.id, generated.keyVersion.id]);
  });

  test("a disabled key does nothing until it is enabled", async () => {
    const sdk = sdks(await startSandbox());
    const { kp, bluemixInstance } = sdk;
    const id = await createdKey(sdk, { name: "switched", extractable: false });
    const wrap = () => kp.wrapKey({ bluemixInstance, id, keyActionWrapBody: Buffer.from("{}") });
    const wrapped = wrapSchema.parse((await wrap()).result);

    expect((await kp.disableKey({ bluemixInstance, id })).status).toBe(204);
    expect(await refusal(wrap())).toBe(409);
    const unwrapBody = Buffer.from(JSON.stringify({ ciphertext: wrapped.ciphertext }));
    expect(await refusal(kp.unwrapKey({ bluemixInstance, id, keyActionUnwrapBody: unwrapBody }))).toBe(409);
    expect((await kp.enableKey({ bluemixInstance, id })).status).toBe(204);
    expect((await kp.unwrapKey({ bluemixInstance, id, keyActionUnwrapBody: unwrapBody })).status).toBe(200);
  });

  test("a deleted key is gone from the list, refuses actions with 410, and can be restored", async () => {
    const sdk = sdks(await startSandbox());
    const { kp, bluemixInstance } = sdk;
    const payload = Buffer.from("kept").toString("base64");
    const id = await createdKey(sdk, { name: "fleeting", extractable: true, payload });

    const deleted = await kp.deleteKey({ bluemixInstance, id, prefer: "return=representation" });
    const read = envelopeSchema.parse((await kp.getKey({ bluemixInstance, id })).result).resources?.[0];
    const listed = envelopeSchema.parse((await kp.getKeys({ bluemixInstance })).result).resources ?? [];

    expect(deleted.status).toBe(200);
    expect(envelopeSchema.parse(deleted.result).resources?.[0]).toMatchObject({
      id,
      state: 5,
      deleted: true,
    });
    expect(read).toMatchObject({ id, state: 5, deleted: true });
    expect(read).not.toHaveProperty("payload");
    expect(listed.map((key) => key.id)).not.toContain(id);
    expect(await refusal(kp.deleteKey({ bluemixInstance, id }))).toBe(410);
    expect((await kp.restoreKey({ bluemixInstance, id })).status).toBe(201);
    expect(
      envelopeSchema.parse((await kp.getKey({ bluemixInstance, id })).result).resources?.[0],
    ).toMatchObject({
      state: 1,
      payload,
    });
    expect((await kp.deleteKey({ bluemixInstance, id })).status).toBe(204);
  });

  test("key rings, aliases and policies are managed", async () => {
    const sdk = sdks(await startSandbox());
    const { kp, bluemixInstance } = sdk;
    const id = await createdKey(sdk, { name: "organised", extractable: false });

    expect((await kp.createKeyRing({ bluemixInstance, keyRingId: "team-a" })).status).toBe(201);
    const rings = (await kp.listKeyRings({ bluemixInstance })).result.resources ?? [];
    const alias = (await kp.createKeyAlias({ bluemixInstance, id, alias: "vm-key" })).result;
    const byAlias = envelopeSchema.parse((await kp.getKeyMetadata({ bluemixInstance, id: "vm-key" })).result);
    const policy = {
      metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
      resources: [{ type: "application/vnd.ibm.kms.policy+json", rotation: { interval_month: 3 } }],
    };
    await kp.putPolicy({ bluemixInstance, id, policy: "rotation", setKeyPoliciesOneOf: policy });
    const keyPolicies = (await kp.getPolicy({ bluemixInstance, id })).result;
    const instancePolicy = {
      metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
      resources: [{ policy_type: "dualAuthDelete", policy_data: { enabled: false } }],
    };
    const set = await kp.putInstancePolicy({ bluemixInstance, setInstancePoliciesOneOf: instancePolicy });
    const instancePolicies = (await kp.getInstancePolicy({ bluemixInstance, policy: "dualAuthDelete" }))
      .result;

    expect(rings.map((ring) => ring.id)).toEqual(["default", "vmware", "team-a"]);
    expect(alias.resources?.[0]).toMatchObject({ keyId: id, alias: "vm-key" });
    expect(byAlias.resources?.[0]).toMatchObject({ id, aliases: ["vm-key"] });
    expect(keyPolicies).toMatchObject({ resources: [{ rotation: { enabled: true, interval_month: 3 } }] });
    expect(set.status).toBe(204);
    expect(instancePolicies).toMatchObject({
      resources: [{ policy_type: "dualAuthDelete", policy_data: { enabled: false } }],
    });
    expect((await kp.deleteKeyAlias({ bluemixInstance, id, alias: "vm-key" })).status).toBe(204);
    expect((await kp.deleteKeyRing({ bluemixInstance, keyRingId: "team-a" })).status).toBe(204);
    expect((await kp.getRegistrations({ bluemixInstance, id })).result.metadata?.collectionTotal).toBe(0);
  });

  test("Viewer alone is no access to keys: 401", async () => {
    const sandbox = await startSandbox();
    const { kp, bluemixInstance } = sdks(sandbox, "viewerOnly");
    const id = sandbox.credentials().keyProtect.rootKeys[0]?.id ?? "";

    expect(await refusal(kp.getKeys({ bluemixInstance }))).toBe(401);
    expect(await refusal(kp.getKeyMetadata({ bluemixInstance, id }))).toBe(401);
    expect(await refusal(kp.wrapKey({ bluemixInstance, id, keyActionWrapBody: Buffer.from("{}") }))).toBe(
      401,
    );
    expect(await refusal(kp.getInstancePolicy({ bluemixInstance }))).toBe(401);
  });
});

describe("all else that the SDKs offer of what is served", () => {
  const policyBody = (resource: Record<string, unknown>) => ({
    metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
    resources: [resource],
  });

  test("pages are followed by the pagers", async () => {
    const sandbox = await startSandbox();
    const { policies, resources, groups, identity, accountId, serviceId } = sdks(sandbox);
    const { keyProtect, hpcs } = sandbox.credentials();
    for (const [instanceGuid, accessGroup] of [
      [keyProtect.guid, "first"],
      [hpcs.guid, "second"],
    ] as const) {
      await sandbox.control.setRoles({ serviceId, instanceGuid, roles: ["Viewer", "Manager"], accessGroup });
    }

    const all = await new IamPolicyManagementV1.V2PoliciesPager(policies, {
      accountId,
      type: "access",
      limit: 1,
    }).getAll();
    const old = await new IamPolicyManagementV1.PoliciesPager(policies, {
      accountId,
      type: "access",
      limit: 1,
    }).getAll();
    const instances = await new ResourceControllerV2.ResourceInstancesPager(resources, { limit: 1 }).getAll();
    const found = await new IamAccessGroupsV2.AccessGroupsPager(groups, {
      accountId,
      iamId: `iam-${serviceId}`,
      limit: 1,
    }).getAll();
    const members = await new IamAccessGroupsV2.AccessGroupMembersPager(groups, {
      accessGroupId: found[0]?.id ?? "",
      limit: 1,
    }).getAll();
    const own = (await identity.listServiceIds({ accountId, pagesize: 1, name: "manager" })).result;

    expect(all).toHaveLength(2);
    expect(old.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(instances.map(({ guid }) => guid)).toEqual([keyProtect.guid, hpcs.guid]);
    expect(found.map(({ name }) => name)).toEqual(["first", "second"]);
    expect(members).toMatchObject([{ iam_id: `iam-${serviceId}`, type: "service" }]);
    expect(own.serviceids).toHaveLength(1);
  });

  test("single records are read, and others than one's own are not", async () => {
    const sandbox = await startSandbox();
    const { policies, groups, identity, accountId, serviceId, apikey } = sdks(sandbox);
    const viewer = sdks(sandbox, "viewerOnly");
    await sandbox.control.setRoles({
      serviceId,
      instanceGuid: sandbox.credentials().keyProtect.guid,
      roles: ["Viewer"],
      accessGroup: "admins",
      customRole: { name: "Wrapper", actions: ["secrets.wrap"] },
    });

    const listed = (await groups.listAccessGroups({ accountId, iamId: `iam-${serviceId}` })).result.groups;
    const accessGroupId = listed?.[0]?.id ?? "";
    const isMember = (iamId: string) => groups.isMemberOfAccessGroup({ accessGroupId, iamId });
    expect((await groups.getAccessGroup({ accessGroupId })).result.name).toBe("admins");
    expect((await isMember(`iam-${serviceId}`)).status).toBe(204);
    expect(await refusal(isMember(`iam-${viewer.serviceId}`))).toBe(404);
    expect(await refusal(viewer.groups.getAccessGroup({ accessGroupId }))).toBe(404);

    const { id } = (await identity.getApiKeysDetails({ iamApiKey: apikey })).result;
    expect((await identity.getApiKey({ id })).result).toMatchObject({ id, iam_id: `iam-${serviceId}` });
    expect(await refusal(viewer.identity.getApiKey({ id }))).toBe(404);

    const { custom_roles: custom = [] } = (await policies.listRoles({ accountId, serviceName: "kms" }))
      .result;
    const role = (await policies.getRole({ roleId: custom[0]?.id ?? "" })).result;
    expect(role).toMatchObject({ name: "Wrapper", actions: ["kms.secrets.wrap"] });
    const policyId = (await policies.listPolicies({ accountId, accessGroupId })).result.policies[0]?.id ?? "";
    expect((await policies.getPolicy({ policyId })).result.roles?.[0]?.role_id).toMatch(
      /UnsupportedVersion$/,
    );
    expect(await refusal(viewer.policies.getPolicy({ policyId }))).toBe(404);
  });

  test("keys are listed by pages, states and rings, with the caller's correlation ID", async () => {
    const sandbox = await startSandbox();
    const sdk = sdks(sandbox);
    const { kp, bluemixInstance } = sdk;
    const correlationId = "0a1b2c3d-0000-4000-8000-0123456789ab";
    const ids: string[] = [];
    for (const name of ["k1", "k2", "k3"]) {
      ids.push(await createdKey(sdk, { name, extractable: true }));
    }
    await kp.deleteKey({ bluemixInstance, id: ids[2] ?? "", force: true });
    const list = async (parameters: Partial<Parameters<typeof kp.getKeys>[0]>) =>
      envelopeSchema
        .parse((await kp.getKeys({ bluemixInstance, ...parameters })).result)
        .resources?.map(({ id }) => id);

    const { headers } = await kp.getKeys({ bluemixInstance, correlationId });
    expect(new Headers(headers as Record<string, string>).get("correlation-id")).toBe(correlationId);
    expect(await list({ extractable: true, limit: 1 })).toEqual([ids[0]]);
    expect(await list({ extractable: true, limit: 1, offset: 1 })).toEqual([ids[1]]);
    expect(await list({ extractable: true, limit: 1, offset: 2 })).toBeUndefined();
    expect(await list({ state: [5] })).toEqual([ids[2]]);
    expect(await list({ xKmsKeyRing: "vmware" })).toEqual([sandbox.credentials().keyProtect.rootKeys[1]?.id]);
    const counted = await kp.getKeyCollectionMetadata({ bluemixInstance, state: [1, 5], extractable: true });
    expect(new Headers(counted.headers as Record<string, string>).get("key-total")).toBe("3");
  });

  test("a deletion needs two people where the key says so", async () => {
    const sandbox = await startSandbox();
    const sdk = sdks(sandbox);
    const { kp, bluemixInstance } = sdk;
    const viewer = sdks(sandbox, "viewerOnly");
    await sandbox.control.setRoles({
      serviceId: viewer.serviceId,
      instanceGuid: bluemixInstance,
      roles: ["Manager"],
    });
    const id = await createdKey(sdk, { name: "guarded", extractable: false });
    expect(await refusal(kp.setKeyForDeletion({ bluemixInstance, id }))).toBe(409);
    await kp.putPolicy({
      bluemixInstance,
      id,
      policy: "dualAuthDelete",
      setKeyPoliciesOneOf: policyBody({
        type: "application/vnd.ibm.kms.policy+json",
        dualAuthDelete: { enabled: true },
      }),
    });

    expect(await refusal(kp.deleteKey({ bluemixInstance, id }))).toBe(409);
    expect((await kp.setKeyForDeletion({ bluemixInstance, id })).status).toBe(204);
    expect(await refusal(kp.deleteKey({ bluemixInstance, id }))).toBe(409);
    expect((await kp.unsetKeyForDeletion({ bluemixInstance, id })).status).toBe(204);
    expect(await refusal(viewer.kp.deleteKey({ bluemixInstance, id }))).toBe(409);
    await kp.setKeyForDeletion({ bluemixInstance, id });
    expect((await viewer.kp.deleteKey({ bluemixInstance, id })).status).toBe(204);
  });

  test("registrations are listed by key, for all keys and by a query for CRNs", async () => {
    const sandbox = await startSandbox();
    const { kp, bluemixInstance } = sdks(sandbox);
    const [first, second] = sandbox.credentials().keyProtect.rootKeys.map(({ id }) => id);
    const crn = (service: string) => `crn:v1:bluemix:public:${service}:us-south:a/1:2:bucket:3`;
    const register = (keyId = "", resourceCrn = "", preventKeyDeletion = false) =>
      sandbox.control.registerResource({
        instanceGuid: bluemixInstance,
        keyId,
        resourceCrn,
        preventKeyDeletion,
      });
    await register(first, crn("cloud-object-storage"));
    await register(second, crn("databases"), true);

    const ofFirst = (await kp.getRegistrations({ bluemixInstance, id: first ?? "" })).result.resources;
    const all = (await kp.getRegistrationsAllKeys({ bluemixInstance })).result;
    const urlEncodedResourceCrnQuery = "crn:v1:bluemix:public:databases:*:*:*:*:*";
    const some = (await kp.getRegistrationsAllKeys({ bluemixInstance, urlEncodedResourceCrnQuery })).result;

    expect(ofFirst).toMatchObject([{ keyId: first, resourceCrn: crn("cloud-object-storage") }]);
    expect(all.metadata?.collectionTotal).toBe(2);
    expect(some.resources).toMatchObject([{ keyId: second, preventKeyDeletion: true }]);
    expect(await refusal(kp.deleteKey({ bluemixInstance, id: first ?? "" }))).toBe(409);
    expect(await refusal(kp.deleteKey({ bluemixInstance, id: second ?? "", force: true }))).toBe(409);
    expect((await kp.deleteKey({ bluemixInstance, id: first ?? "", force: true })).status).toBe(204);
    expect((await kp.restoreKey({ bluemixInstance, id: first ?? "" })).status).toBe(201);
  });

  test("import tokens, sync and every instance policy", async () => {
    const sandbox = await startSandbox();
    const { kp, bluemixInstance } = sdks(sandbox);
    const id = sandbox.credentials().keyProtect.rootKeys[0]?.id ?? "";

    const made = (await kp.postImportToken({ bluemixInstance, expiration: 300, maxAllowedRetrievals: 2 }))
      .result;
    const got = (await kp.getImportToken({ bluemixInstance })).result;
    expect(made).toMatchObject({ expiration: 300, remainingRetrievals: 2 });
    expect(made).not.toHaveProperty("payload");
    expect(got.remainingRetrievals).toBe(1);
    expect(Buffer.from(got.payload ?? "", "base64").toString()).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect((await kp.syncAssociatedResources({ bluemixInstance, id })).status).toBe(204);

    const attributes: Record<string, unknown> = {
      dualAuthDelete: undefined,
      metrics: undefined,
      allowedNetwork: { allowed_network: "private-only" },
      allowedIP: { allowed_ip: ["192.0.2.0/24"] },
      keyCreateImportAccess: { create_root_key: false },
      rotation: { interval_month: 2 },
    };
    for (const [policy, data] of Object.entries(attributes)) {
      const set = await kp.putInstancePolicy({
        bluemixInstance,
        policy,
        setInstancePoliciesOneOf: policyBody({
          policy_type: policy,
          policy_data: { enabled: true, ...(data === undefined ? {} : { attributes: data }) },
        }),
      });
      const read = (await kp.getInstancePolicy({ bluemixInstance, policy })).result;
      expect(set.status).toBe(204);
      expect(read).toMatchObject({
        resources: [
          { policy_type: policy, policy_data: { enabled: true, ...(data ? { attributes: data } : {}) } },
        ],
      });
    }
    const all = (await kp.getInstancePolicy({ bluemixInstance })).result;
    expect(all).toMatchObject({ metadata: { collectionTotal: 6 } });
    expect((await kp.getAllowedIpPort({ bluemixInstance })).status).toBe(200);
  });

  test("with retries switched on, 429 and 503 are outlived; without, they are told", async () => {
    const sandbox = await startSandbox();
    const { resources } = sdks(sandbox);
    const { faults } = sandbox.control;
    const failTwice = () => {
      faults.clear();
      for (const status of [429, 503]) {
        faults.add({ kind: "error", status, retryAfterSeconds: 1, service: "resource-controller", times: 1 });
      }
    };

    failTwice();
    expect(await refusal(resources.listResourceInstances({}))).toBe(429);
    failTwice();
    resources.enableRetries({ maxRetries: 3, maxRetryInterval: 5 });
    expect((await resources.listResourceInstances({})).result.rows_count).toBe(2);
    expect(faults.list().map(({ fired }) => fired)).toEqual([1, 1]);
  });
});
