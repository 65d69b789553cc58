import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  generateKeyPair,
  jwtVerify,
  SignJWT,
} from "jose";
import { describe, expect, test } from "vitest";

import { attributeMatches } from "../../sandbox/iam/authorization";
import { bearerOf, kmsClient, manualClock, newKey, startSandbox } from "./support/harness";

const GRANT = "urn:ibm:params:oauth:grant-type:apikey";

describe("tokens", () => {
  test("both token paths answer with a token that the key set verifies", async () => {
    const sandbox = await startSandbox();
    const { manager, accountId } = sandbox.credentials();
    for (const path of ["/identity/token", "/oidc/token"]) {
      const response = await fetch(`${sandbox.url}${path}`, {
        method: "POST",
        headers: { authorization: `Basic ${Buffer.from("bx:bx").toString("base64")}` },
        body: new URLSearchParams({ grant_type: GRANT, apikey: manager.apiKey, response_type: "cloud_iam" }),
      });
      const body = await response.json();

      expect(body).toMatchObject({
        refresh_token: "not_supported",
        token_type: "Bearer",
        expires_in: 3600,
        scope: "ibm openid",
      });
      const keys = createRemoteJWKSet(new URL(`${sandbox.url}/identity/keys`));
      const { payload } = await jwtVerify(body.access_token, keys, {
        issuer: "https://iam.cloud.ibm.com/identity",
      });
      expect(payload).toMatchObject({
        iam_id: `iam-${manager.serviceId}`,
        sub: manager.serviceId,
        sub_type: "ServiceId",
        account: { bss: accountId },
        exp: body.expiration,
      });
      expect(decodeProtectedHeader(body.access_token)).toMatchObject({
        alg: "RS256",
        kid: expect.any(String),
      });
    }
  });

  test.each([
    [{ grant_type: GRANT, apikey: "unknown" }, "BXNIM0415E"],
    [{ grant_type: GRANT }, "BXNIM0109E"],
    [{ apikey: "x" }, "BXNIM0109E"],
    [{ grant_type: "password", apikey: "x" }, "unsupported_grant_type"],
  ])("%j is refused with 400 %s", async (form, errorCode) => {
    const { url } = await startSandbox();

    const response = await fetch(`${url}/identity/token`, {
      method: "POST",
      body: new URLSearchParams(form),
    });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errorCode, context: { requestId: expect.any(String) } });
  });

  test("a disabled API key gets no token", async () => {
    const sandbox = await startSandbox();
    const { manager } = sandbox.credentials();

    await sandbox.control.setApiKeysDisabled({ serviceId: manager.serviceId, disabled: true });
    await expect(bearerOf(sandbox.url, manager.apiKey)).rejects.toThrow();
    await sandbox.control.setApiKeysDisabled({ serviceId: manager.serviceId, disabled: false });
    await expect(bearerOf(sandbox.url, manager.apiKey)).resolves.toMatch(/^ey/);
  });

  test("a token ends after an hour, also one that was used before", async () => {
    const clock = manualClock();
    const sandbox = await startSandbox({ clock });
    const kms = await kmsClient(sandbox);
    expect((await kms("GET", "/keys")).status).toBe(200);

    clock.advance(3_599_000);
    expect((await kms("GET", "/keys")).status).toBe(200);
    clock.advance(1_000);
    expect((await kms("GET", "/keys")).status).toBe(401);
  });

  test("what is no token, and a token of another signer, are refused", async () => {
    const sandbox = await startSandbox();
    const { keyProtect, manager } = sandbox.credentials();
    const claims = decodeJwt(await bearerOf(sandbox.url, manager.apiKey));
    const { privateKey } = await generateKeyPair("RS256");
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).sign(privateKey);
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.`;
    const status = async (authorization?: string) =>
      (
        await fetch(`${sandbox.url}/key-protect/us-south/api/v2/keys`, {
          headers: { "bluemix-instance": keyProtect.guid, ...(authorization ? { authorization } : {}) },
        })
      ).status;

    expect(await status(`Bearer ${forged}`)).toBe(401);
    expect(await status(`Bearer ${unsigned}`)).toBe(400);
    expect(await status("Bearer nonsense")).toBe(400);
    expect(await status()).toBe(401);
    expect((await fetch(`${sandbox.url}/v2/resource_instances`)).status).toBe(401);
    expect(
      (await fetch(`${sandbox.url}/v1/serviceids`, { headers: { authorization: `Bearer ${forged}` } }))
        .status,
    ).toBe(401);
  });
});

describe("roles", () => {
  test("a refusal for lack of access is 401 without reasons", async () => {
    const kms = await kmsClient(await startSandbox(), { as: "viewerOnly" });

    const answer = await kms("GET", "/keys");

    expect(answer.status).toBe(401);
    expect(answer.json()).toEqual({
      metadata: { collectionType: "application/vnd.ibm.kms.error+json", collectionTotal: 1 },
      resources: [{ errorMsg: "Unauthorized: The user does not have access to the specified resource" }],
    });
  });

  test("each role may do what IBM's table says", async () => {
    const sandbox = await startSandbox();
    const manager = await kmsClient(sandbox);
    const { viewerOnly, keyProtect } = sandbox.credentials();
    const root = keyProtect.rootKeys[0]?.id;
    const { id: standard } = (
      await manager("POST", "/keys", { body: newKey({ name: "standard", extractable: true }) })
    ).key();
    const other = await kmsClient(sandbox, { as: "viewerOnly" });
    const attempts: [name: string, attempt: () => ReturnType<typeof other>][] = [
      ["list", () => other("GET", "/keys")],
      ["metadata", () => other("GET", `/keys/${root}/metadata`)],
      ["wrap", () => other("POST", `/keys/${root}/actions/wrap`)],
      ["rings", () => other("GET", "/key_rings")],
      ["read", () => other("GET", `/keys/${standard}`)],
      ["create", () => other("POST", "/keys", { body: newKey({ name: "made", extractable: true }) })],
      ["rotate", () => other("POST", `/keys/${root}/actions/rotate`)],
      ["policies", () => other("GET", "/instance/policies")],
      ["disable", () => other("POST", `/keys/${root}/actions/disable`)],
      ["enable", () => other("POST", `/keys/${root}/actions/enable`)],
      ["delete", () => other("DELETE", `/keys/${standard}`)],
      ["restore", () => other("POST", `/keys/${standard}/restore`)],
    ];
    const allowed = async (
      ...roles: ("Viewer" | "Reader" | "ReaderPlus" | "Writer" | "Manager" | "KeyPurge")[]
    ) => {
      await sandbox.control.setRoles({
        serviceId: viewerOnly.serviceId,
        instanceGuid: keyProtect.guid,
        roles,
      });
      const names: string[] = [];
      for (const [name, attempt] of attempts) {
        if ((await attempt()).status !== 401) {
          names.push(name);
        }
      }
      return names;
    };

    const reader = ["list", "metadata", "wrap", "rings"];
    expect(await allowed("Viewer")).toEqual([]);
    expect(await allowed("Viewer", "KeyPurge")).toEqual([]);
    expect(await allowed("Reader")).toEqual(reader);
    expect(await allowed("ReaderPlus")).toEqual([...reader, "read"]);
    expect(await allowed("Writer")).toEqual([...reader, "read", "create", "rotate"]);
    expect(await allowed("Manager")).toEqual(attempts.map(([name]) => name));
    expect(await allowed()).toEqual([]);
  });

  test("roles that are taken away count at once, though the token is still valid", async () => {
    const sandbox = await startSandbox();
    const kms = await kmsClient(sandbox);
    const { manager, keyProtect } = sandbox.credentials();
    const token = await bearerOf(sandbox.url, manager.apiKey);
    const instances = async () =>
      (
        await fetch(`${sandbox.url}/v2/resource_instances`, { headers: { authorization: `Bearer ${token}` } })
      ).json();
    expect(await instances()).toMatchObject({ rows_count: 2 });

    await sandbox.control.setRoles({
      serviceId: manager.serviceId,
      instanceGuid: keyProtect.guid,
      roles: [],
    });

    expect((await kms("GET", "/keys")).status).toBe(401);
    expect(await instances()).toMatchObject({ rows_count: 1 });
    const hidden = await fetch(`${sandbox.url}/v2/resource_instances/${keyProtect.guid}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(hidden.status).toBe(403);
  });

  test("an instance is served under its own base path only", async () => {
    const sandbox = await startSandbox();
    const { keyProtect, hpcs, manager } = sandbox.credentials();
    const authorization = `Bearer ${await bearerOf(sandbox.url, manager.apiKey)}`;
    const status = async (base: string, instance?: string) =>
      (
        await fetch(`${sandbox.url}${base}/api/v2/keys`, {
          headers: { authorization, ...(instance ? { "Bluemix-Instance": instance } : {}) },
        })
      ).status;

    expect(await status("/key-protect/us-south", keyProtect.guid)).toBe(200);
    expect(await status("/key-protect/eu-de", keyProtect.guid)).toBe(401);
    expect(await status("/key-protect/us-south", hpcs.guid)).toBe(401);
    expect(await status(`/hpcs/${hpcs.guid}`, hpcs.guid)).toBe(200);
    expect(await status(`/hpcs/${hpcs.guid}`, keyProtect.guid)).toBe(401);
    expect(await status("/key-protect/us-south")).toBe(400);
  });

  test.each([
    [{ key: "k", operator: "stringEquals", value: "a" }, "a", true],
    [{ key: "k", operator: "stringEquals", value: "a" }, undefined, false],
    [{ key: "k", operator: "stringEqualsAnyOf", value: ["a", "b"] }, "b", true],
    [{ key: "k", operator: "stringMatch", value: "a*c?" }, "abbcd", true],
    [{ key: "k", operator: "stringMatch", value: "a.c" }, "abc", false],
    [{ key: "k", operator: "stringMatchAnyOf", value: ["x*", "y*"] }, "yes", true],
    [{ key: "k", operator: "stringExists", value: true }, "any", true],
    [{ key: "k", operator: "stringExists", value: true }, undefined, false],
    [{ key: "k", operator: "stringExists", value: false }, undefined, true],
  ] as const)("the policy attribute %j and the value %s", (attribute, value, matches) => {
    const { key, operator } = attribute;
    const wanted = typeof attribute.value === "object" ? [...attribute.value] : attribute.value;

    expect(attributeMatches({ key, operator, value: wanted }, value)).toBe(matches);
  });
});
