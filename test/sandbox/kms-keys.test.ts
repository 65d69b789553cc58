import { describe, expect, test } from "vitest";

import { envelopeSchema, KEY_TYPE, kmsClient, newKey, startSandbox } from "./support/harness";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("shapes", () => {
  test("a key is described with the fields of Key Protect", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const { accountId, keyProtect, manager } = sandbox.credentials();

    const answer = await kms("POST", "/keys", {
      body: newKey({ name: "shape", extractable: true, description: "a description", aliases: ["shape-1"] }),
    });

    const { id } = answer.key();
    const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(answer.status).toBe(201);
    expect(answer.json()).toEqual({
      metadata: { collectionType: KEY_TYPE, collectionTotal: 1 },
      resources: [
        {
          type: KEY_TYPE,
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          name: "shape",
          aliases: ["shape-1"],
          description: "a description",
          state: 1,
          extractable: true,
          crn: `crn:v1:bluemix:public:kms:us-south:a/${accountId}:${keyProtect.guid}:key:${id}`,
          imported: false,
          creationDate: date,
          createdBy: `iam-${manager.serviceId}`,
          algorithmType: "Deprecated",
          algorithmMetadata: { bitLength: "256", mode: "Deprecated" },
          algorithmBitSize: 256,
          algorithmMode: "Deprecated",
          nonactiveStateReason: 0,
          lastUpdateDate: date,
          keyVersion: { id: expect.any(String), creationDate: date },
          keyRingID: "default",
          dualAuthDelete: { enabled: false },
          deleted: false,
        },
      ],
    });
  });

  test("the payload comes with return=representation only", async () => {
    const kms = await kmsClient(await startSandbox());
    const create = (prefer: string) =>
      kms("POST", "/keys", {
        body: newKey({ name: "with payload", extractable: true, payload: base64("material") }),
        headers: { prefer },
      });

    expect((await create("return=representation")).key()).toHaveProperty("payload", base64("material"));
    expect((await create("return=minimal")).key()).not.toHaveProperty("payload");
  });

  test("an empty list has no resources, and its total is that of the page", async () => {
    const kms = await kmsClient(await startSandbox());

    expect((await kms("GET", "/keys?extractable=true")).json()).toEqual({
      metadata: { collectionType: KEY_TYPE, collectionTotal: 0 },
    });
    const page = envelopeSchema.parse((await kms("GET", "/keys?limit=1&offset=1")).json());
    expect(page.metadata.collectionTotal).toBe(1);
  });

  test("headers may be in any case, the content type may be missing, the correlation ID comes back", async () => {
    const kms = await kmsClient(await startSandbox());

    const answer = await kms("GET", "/keys", {
      headers: { "CoRReLaTion-ID": "8f1a2a52-5a7e-4b3e-9f39-1b1f7c5b6f10", "X-KMS-KEY-RING": "vmware" },
    });
    const generated = await kms("GET", "/keys");

    expect(answer.headers.get("correlation-id")).toBe("8f1a2a52-5a7e-4b3e-9f39-1b1f7c5b6f10");
    expect(answer.keys().map((key) => key.keyRingID)).toEqual(["vmware"]);
    expect(generated.headers.get("correlation-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a refusal has the error collection with its reason", async () => {
    const kms = await kmsClient(await startSandbox());

    const answer = await kms("POST", "/keys", { body: newKey({ name: "x", extractable: true }) });

    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({
      metadata: { collectionType: "application/vnd.ibm.kms.error+json", collectionTotal: 1 },
      resources: [
        {
          errorMsg:
            "Bad Request: Key could not be created: Please see `reasons` for more details (INVALID_FIELD_ERR)",
          reasons: [
            {
              code: "INVALID_FIELD_ERR",
              message: expect.stringContaining("name"),
              status: 400,
              moreInfo: "https://cloud.ibm.com/apidocs/key-protect",
              target: { type: "field", name: "name" },
            },
          ],
        },
      ],
    });
  });
});

describe("creating", () => {
  const valid = newKey({ name: "valid name", extractable: true });

  test.each([
    ["nothing", "", 400, "NO_BODY_ERR"],
    ["what is no JSON", '{"metadata":', 400, "BAD_BODY_ERR"],
    ["JSON that is no envelope", [1, 2], 400, "BAD_BODY_ERR"],
    [
      "no resources",
      { metadata: { collectionType: KEY_TYPE, collectionTotal: 0 }, resources: [] },
      400,
      "BAD_BODY_ERR",
    ],
    [
      "a wrong total",
      { ...(valid as object), metadata: { collectionType: KEY_TYPE, collectionTotal: 2 } },
      400,
      "COLLECTION_TOTAL_MISMATCH_ERR",
    ],
    [
      "a name that is too long",
      newKey({ name: "n".repeat(91), extractable: true }),
      400,
      "INVALID_FIELD_ERR",
    ],
    ["no extractable", newKey({ name: "valid name" }), 400, "INVALID_FIELD_ERR"],
    [
      "a payload that is no base64",
      newKey({ name: "valid name", extractable: true, payload: "a*b=" }),
      400,
      "INVALID_FIELD_ERR",
    ],
    [
      "an empty payload",
      newKey({ name: "valid name", extractable: true, payload: "" }),
      400,
      "INVALID_FIELD_ERR",
    ],
    [
      "a payload that is too large",
      newKey({ name: "valid name", extractable: true, payload: Buffer.alloc(7501).toString("base64") }),
      400,
      "INVALID_FIELD_ERR",
    ],
    [
      "a root key of an odd length",
      newKey({ name: "valid name", extractable: false, payload: Buffer.alloc(31, 1).toString("base64") }),
      400,
      "INVALID_FIELD_ERR",
    ],
    [
      "a reserved alias",
      newKey({ name: "valid name", extractable: true, aliases: ["unwrap"] }),
      400,
      "INVALID_FIELD_ERR",
    ],
    [
      "a UUID as alias",
      newKey({ name: "valid name", extractable: true, aliases: ["01234567-89ab-4cde-8f01-23456789abcd"] }),
      400,
      "INVALID_FIELD_ERR",
    ],
    [
      "too many aliases",
      newKey({ name: "valid name", extractable: true, aliases: ["a1", "a2", "a3", "a4", "a5", "a6"] }),
      409,
      "LIMIT_EXCEEDED_ERR",
    ],
    [
      "an expiry in the past",
      newKey({ name: "valid name", extractable: true, expirationDate: "2020-01-01T00:00:00Z" }),
      400,
      "INVALID_FIELD_ERR",
    ],
  ])("%s is refused", async (_title, body, status, code) => {
    const kms = await kmsClient(await startSandbox());

    const answer = await kms("POST", "/keys", { body });

    expect([answer.status, answer.code()]).toEqual([status, code]);
    expect((await kms("GET", "/keys")).keys()).toHaveLength(2);
  });

  test("the largest payload is kept byte for byte", async () => {
    const kms = await kmsClient(await startSandbox());
    const payload = Buffer.from(Array.from({ length: 7500 }, (_, index) => index % 256)).toString("base64");

    const { id } = (
      await kms("POST", "/keys", { body: newKey({ name: "large", extractable: true, payload }) })
    ).key();

    expect((await kms("GET", `/keys/${id}`)).key().payload).toBe(payload);
    expect((await kms("GET", `/keys/${id.toUpperCase()}`)).status).toBe(200);
  });

  test("two keys of an instance cannot have one alias, and names need not differ", async () => {
    const kms = await kmsClient(await startSandbox());
    const body = newKey({ name: "same name", extractable: true, aliases: ["only-one"] });

    expect((await kms("POST", "/keys", { body })).status).toBe(201);
    expect((await kms("POST", "/keys", { body })).code()).toBe("KEY_ALIAS_NOT_UNIQUE_ERR");
    expect(
      (await kms("POST", "/keys", { body: newKey({ name: "same name", extractable: true }) })).status,
    ).toBe(201);
  });

  test("the policy on making and importing keys is obeyed", async () => {
    const kms = await kmsClient(await startSandbox());
    const standard = newKey({ name: "imported", extractable: true, payload: base64("p") });
    const put = (enabled: boolean) =>
      kms("PUT", "/instance/policies?policy=keyCreateImportAccess", {
        body: {
          metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
          resources: [
            {
              policy_type: "keyCreateImportAccess",
              policy_data: enabled ? { enabled, attributes: { import_standard_key: false } } : { enabled },
            },
          ],
        },
      });

    expect((await put(true)).status).toBe(204);
    const refused = await kms("POST", "/keys", { body: standard });
    expect([refused.status, refused.code()]).toEqual([409, "KEY_CREATE_IMPORT_ACCESS_ERR"]);
    expect((await kms("POST", "/keys", { body: newKey({ name: "made", extractable: true }) })).status).toBe(
      201,
    );
    expect((await put(false)).status).toBe(204);
    expect((await kms("POST", "/keys", { body: standard })).status).toBe(201);
  });

  test("instance policies are checked", async () => {
    const kms = await kmsClient(await startSandbox());
    const put = (path: string, ...resources: unknown[]) =>
      kms("PUT", path, {
        body: { metadata: { collectionType: "x", collectionTotal: resources.length }, resources },
      });
    const dual = { policy_type: "dualAuthDelete", policy_data: { enabled: true } };

    expect((await put("/instance/policies?policy=metrics", dual)).code()).toBe(
      "BODY_QUERY_PARAM_MISMATCH_ERR",
    );
    expect((await put("/instance/policies?policy=dualAuthDelete", dual, dual)).code()).toBe(
      "NUM_COLLECTION_RESOURCE_ERR",
    );
    expect((await put("/instance/policies", { ...dual, extra: 1 })).code()).toBe("BAD_BODY_ERR");
    expect((await kms("GET", "/instance/policies")).text).not.toContain("resources");
  });
});

describe("listing", () => {
  test("states, kinds, rings, pages and order are chosen by the query", async () => {
    const kms = await kmsClient(await startSandbox());
    const ids: string[] = [];
    for (const name of ["kek-b", "kek-a", "kek-c"]) {
      ids.push((await kms("POST", "/keys", { body: newKey({ name, extractable: true }) })).key().id);
    }
    await kms("DELETE", `/keys/${ids[2]}`);
    const names = async (query: string) => (await kms("GET", `/keys?${query}`)).keys().map((key) => key.name);

    expect(await names("extractable=true")).toEqual(["kek-b", "kek-a"]);
    expect(await names("state=1%2C5&extractable=true")).toEqual(["kek-b", "kek-a", "kek-c"]);
    expect(await names("state=5")).toEqual(["kek-c"]);
    expect(await names("extractable=true&limit=1&offset=1")).toEqual(["kek-a"]);
    expect(await names("sort=-extractable,-creationDate&limit=2")).toEqual(["kek-a", "kek-b"]);
    expect(await names("sort=id")).toHaveLength(4);
    expect(await names('filter=state%3D5%20creationDate%3Dgte%3A"2020-01-01T00%3A00%3A00Z"')).toEqual([
      "kek-c",
    ]);
    expect(await names('filter=creationDate%3Dlt%3A"2020-01-01T00%3A00%3A00Z"')).toEqual([]);
    expect((await kms("HEAD", "/keys?extractable=true")).headers.get("key-total")).toBe("2");
    expect((await kms("HEAD", "/keys?extractable=true")).text).toBe("");
  });

  test("search has scopes, exactness and negation", async () => {
    const kms = await kmsClient(await startSandbox());
    await kms("POST", "/keys", { body: newKey({ name: "Alpha", extractable: true, aliases: ["beta-1"] }) });
    await kms("POST", "/keys", { body: newKey({ name: "alphabet", extractable: true }) });
    await kms("POST", "/keys", { body: newKey({ name: "not:odd", extractable: true }) });
    const find = async (search: string) =>
      (await kms("GET", `/keys?extractable=true&search=${encodeURIComponent(search)}`))
        .keys()
        .map((key) => key.name);

    expect(await find("alpha")).toEqual(["Alpha", "alphabet"]);
    expect(await find("exact:name:Alpha,")).toEqual(["Alpha"]);
    expect(await find("exact:alpha")).toEqual([]);
    expect(await find("alias:beta")).toEqual(["Alpha"]);
    expect(await find("name:beta")).toEqual([]);
    expect(await find("not:exact:Alpha")).toEqual(["alphabet", "not:odd"]);
    expect(await find("exact:not:odd")).toEqual(["not:odd"]);
    expect(await find("escape:not:odd")).toEqual(["not:odd"]);
    expect(await find("alias:name:alphabet")).toEqual(["alphabet"]);
  });

  test.each([
    "limit=0",
    "limit=5001",
    "limit=ten",
    "offset=-1",
    "state=7",
    "state=1,",
    "extractable=yes",
    "sort=size",
    "filter=size%3D3",
    "search=exact:",
  ])("the query %s is refused", async (query) => {
    const kms = await kmsClient(await startSandbox());

    const answer = await kms("GET", `/keys?${query}`);

    expect([answer.status, answer.code()]).toEqual([400, "INVALID_QUERY_PARAM_ERR"]);
  });
});

describe("rings", () => {
  test("a request that names a ring sees its keys only", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const [first, second] = sandbox.credentials().keyProtect.rootKeys;
    const vmware = { headers: { "x-kms-key-ring": "vmware" } };

    expect((await kms("GET", `/keys/${second?.id}/metadata`, vmware)).status).toBe(200);
    const elsewhere = await kms("GET", `/keys/${first?.id}/metadata`, vmware);
    expect([elsewhere.status, elsewhere.code()]).toEqual([404, "KEY_NOT_FOUND_ERR"]);
    expect((await kms("POST", `/keys/${first?.id}/actions/wrap`, { ...vmware, body: {} })).status).toBe(404);
  });

  test("keys are made in a ring and moved to another", async () => {
    const kms = await kmsClient(await startSandbox());
    const made = await kms("POST", "/keys", {
      body: newKey({ name: "moving", extractable: true }),
      headers: { "x-kms-key-ring": "vmware" },
    });

    expect(made.key().keyRingID).toBe("vmware");
    expect(
      (await kms("PATCH", `/keys/${made.key().id}`, { body: { keyRingID: "default" } })).key().keyRingID,
    ).toBe("default");
    expect((await kms("PATCH", `/keys/${made.key().id}`, { body: { keyRingID: "none" } })).status).toBe(404);
    expect(
      (
        await kms("POST", "/keys", {
          body: newKey({ name: "lost", extractable: true }),
          headers: { "x-kms-key-ring": "none" },
        })
      ).status,
    ).toBe(404);
  });

  test("a ring is deleted when it is empty, or by force when its keys are destroyed", async () => {
    const kms = await kmsClient(await startSandbox());
    expect((await kms("POST", "/key_rings/team")).status).toBe(201);
    expect((await kms("POST", "/key_rings/team")).status).toBe(409);
    const headers = { "x-kms-key-ring": "team" };
    const { id } = (
      await kms("POST", "/keys", { body: newKey({ name: "inside", extractable: true }), headers })
    ).key();

    expect((await kms("DELETE", "/key_rings/team?force=true")).status).toBe(409);
    await kms("DELETE", `/keys/${id}`);
    expect((await kms("DELETE", "/key_rings/team")).status).toBe(409);
    expect((await kms("DELETE", "/key_rings/team?force=true")).status).toBe(204);
    expect((await kms("DELETE", "/key_rings/default")).status).toBe(400);
    expect((await kms("DELETE", "/key_rings/team")).status).toBe(404);
  });
});

describe("deleting", () => {
  test("a key that protects resources is refused without force, and with a retention policy always", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const { guid: instanceGuid, rootKeys } = sandbox.credentials().keyProtect;
    const [first, second] = rootKeys.map(({ id }) => id);
    const resourceCrn = "crn:v1:bluemix:public:cloud-object-storage:global:a/0:0:bucket:b";
    await sandbox.control.registerResource({ instanceGuid, keyId: first ?? "", resourceCrn });
    await sandbox.control.registerResource({
      instanceGuid,
      keyId: second ?? "",
      resourceCrn,
      preventKeyDeletion: true,
    });

    const refused = await kms("DELETE", `/keys/${first}`);
    expect([refused.status, refused.code()]).toEqual([409, "PROTECTED_RESOURCE_ERR"]);
    expect((await kms("DELETE", `/keys/${second}?force=true`)).code()).toBe("PREV_KEY_DEL_ERR");
    expect((await kms("GET", `/keys/${first}/registrations`)).text).toContain(resourceCrn);
    expect((await kms("DELETE", `/keys/${first}?force=true`)).status).toBe(204);
    const gone = await kms("POST", `/keys/${first}/actions/wrap`, { body: {} });
    expect([gone.status, gone.code()]).toEqual([410, "KEY_DELETED_ERR"]);
  });

  test("dual authorization needs two people", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const { viewerOnly, keyProtect } = sandbox.credentials();
    const { id } = (
      await kms("POST", "/keys_with_policy_overrides", {
        body: newKey({ name: "guarded", extractable: true, dualAuthDelete: { enabled: true } }),
      })
    ).key();
    await sandbox.control.setRoles({
      serviceId: viewerOnly.serviceId,
      instanceGuid: keyProtect.guid,
      roles: ["Viewer", "Writer"],
    });
    const second = await kmsClient(sandbox, { as: "viewerOnly" });

    const alone = await kms("DELETE", `/keys/${id}`);
    expect([alone.status, alone.code()]).toEqual([409, "AUTHORIZATIONS_NOT_MET"]);
    expect((await kms("POST", `/keys/${id}/actions/setKeyForDeletion`)).status).toBe(204);
    expect((await kms("DELETE", `/keys/${id}`)).code()).toBe("AUTHORIZATIONS_NOT_MET");
    expect((await kms("POST", `/keys/${id}/actions/unsetKeyForDeletion`)).status).toBe(204);
    expect((await second("POST", `/keys/${id}/actions/setKeyForDeletion`)).status).toBe(204);
    expect((await kms("GET", `/keys/${id}/metadata`)).key().dualAuthDelete).toMatchObject({
      keySetForDeletion: true,
    });
    expect((await kms("DELETE", `/keys/${id}`)).status).toBe(204);
  });

  test("what does not exist is 404", async () => {
    const kms = await kmsClient(await startSandbox());
    const id = "01234567-89ab-4cde-8f01-23456789abcd";

    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/metadata"],
      ["DELETE", ""],
      ["GET", "/versions"],
      ["POST", "/restore"],
      ["POST", "/actions/wrap"],
    ]) {
      const answer = await kms(method ?? "", `/keys/${id}${path}`);
      expect([answer.status, answer.code()]).toEqual([404, "KEY_NOT_FOUND_ERR"]);
    }
  });
});
