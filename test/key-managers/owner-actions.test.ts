import { randomBytes, randomUUID } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { runPermissionChecks } from "@/lib/core/permissions/run-permission-checks";
import { Secret } from "@/lib/ibm-cloud/secret";
import type { KeyManagerError } from "@/lib/key-managers/key-manager";
import { call, makeRootKey, sandboxForTests } from "./support/sandbox";

const test = sandboxForTests();

afterEach(() => {
  test.fault = null;
});

const failure = (promise: Promise<unknown>): Promise<KeyManagerError> =>
  promise.then(
    () => {
      throw new Error("It was to fail.");
    },
    (error: KeyManagerError) => error,
  );

const setPolicy = (type: string, policy_data: unknown) =>
  test.administer("key-protect", "PUT", `/instance/policies?policy=${type}`, {
    body: {
      metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
      resources: [{ policy_type: type, policy_data }],
    },
  });

describe("what the owner of a key manager instance does beside the console", () => {
  it("names a root key: the alias works like its id, and the id is what is kept", async () => {
    const keyManager = test.connect("key-protect");
    const id = await makeRootKey(test, "with-alias");
    const alias = "production-crk";
    expect((await test.administer("key-protect", "POST", `/keys/${id}/aliases/${alias}`)).status).toBe(201);

    const kek = randomBytes(32);
    const { bytes } = await keyManager.wrap(alias, kek, ["a"], call);
    expect(Buffer.from((await keyManager.unwrap(id, bytes, ["a"], call)).plaintext).equals(kek)).toBe(true);
    expect((await keyManager.getRootKey(alias, call)).id).toBe(id);

    const { report, facts } = await runPermissionChecks(
      {
        kind: "key-protect",
        apiKey: new Secret(test.credentials.manager.apiKey),
        keyManagerCrn: test.credentials.keyProtect.crn,
        crkId: alias,
        correlationId: call.correlationId,
      },
      test.cloud,
    );
    expect(report.ok).toBe(true);
    expect(facts.crk?.id).toBe(id);
  });

  it("asks for two people to delete keys: the deletion is refused until another one sets the key for it", async () => {
    const keyManager = test.connect("key-protect");
    expect((await setPolicy("dualAuthDelete", { enabled: true })).status).toBe(204);
    const key = { name: randomUUID(), description: "guarded", payload: randomBytes(8) };
    const { id } = await keyManager.createStandardKey(key, call);
    await setPolicy("dualAuthDelete", { enabled: false });

    expect(await failure(keyManager.deleteStandardKey(id, call))).toMatchObject({
      failure: "rejected",
      code: "AUTHORIZATIONS_NOT_MET",
      definite: true,
    });
    expect((await keyManager.getStandardKey(id, call)).state).toBe("active");

    const { viewerOnly, keyProtect } = test.credentials;
    await test.sandbox.control.setRoles({
      serviceId: viewerOnly.serviceId,
      instanceGuid: keyProtect.guid,
      roles: ["Viewer", "Writer"],
    });
    const second = await test.cloud.iam.tokenSource(new Secret(viewerOnly.apiKey)).token(call);
    const set = await fetch(
      `${test.sandbox.url}/key-protect/us-south/api/v2/keys/${id}/actions/setKeyForDeletion`,
      {
        method: "POST",
        headers: {
          Authorization: `Bearer ${second.value.reveal()}`,
          "Bluemix-Instance": keyProtect.guid,
        },
      },
    );
    expect(set.status).toBe(204);
    await keyManager.deleteStandardKey(id, call);
    expect((await failure(keyManager.getStandardKey(id, call))).failure).toBe("deleted");
  });

  it("forbids standard keys: a create says so, and makes nothing", async () => {
    const keyManager = test.connect("key-protect");
    await setPolicy("keyCreateImportAccess", {
      enabled: true,
      attributes: { create_standard_key: false, import_standard_key: false },
    });
    const key = { name: randomUUID(), description: "forbidden", payload: randomBytes(8) };
    const error = await failure(keyManager.createStandardKey(key, call));
    await setPolicy("keyCreateImportAccess", { enabled: false });

    expect(error).toMatchObject({
      failure: "rejected",
      code: "KEY_CREATE_IMPORT_ACCESS_ERR",
      definite: true,
    });
    expect(await keyManager.findStandardKeys(key, call)).toEqual([]);
  });

  it("restores a standard key within 30 days: it is there again, with the same bytes", async () => {
    const keyManager = test.connect("key-protect");
    const key = { name: randomUUID(), description: "restored", payload: randomBytes(40) };
    const { id } = await keyManager.createStandardKey(key, call);
    await keyManager.deleteStandardKey(id, call);
    expect((await test.administer("key-protect", "POST", `/keys/${id}/restore`)).status).toBe(201);

    expect(Buffer.from((await keyManager.getStandardKey(id, call)).payload).equals(key.payload)).toBe(true);
    expect(await keyManager.findStandardKeys(key, call)).toEqual([{ id }]);
  });

  it("lets a root key expire: it wraps nothing new, says why, and still unwraps", async () => {
    const keyManager = test.connect("key-protect");
    const id = await makeRootKey(test, "expiring", {
      expirationDate: new Date(Date.now() + 1_500).toISOString(),
    });
    const { bytes } = await keyManager.wrap(id, randomBytes(32), [], call);
    await expect
      .poll(async () => (await keyManager.readKeyMetadata(id, call)).state, { timeout: 10_000 })
      .toBe("deactivated");

    expect(await failure(keyManager.wrap(id, randomBytes(32), [], call))).toMatchObject({
      failure: "keyState",
      code: "KEY_EXPIRED_ERR",
    });
    expect((await keyManager.unwrap(id, bytes, [], call)).plaintext).toHaveLength(32);
  });
});
