import { createHash, randomBytes } from "node:crypto";

import { createRemoteJWKSet, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { z } from "zod";

import type { Sandbox } from "../../sandbox/index";
import { bearerOf, manualClock, startSandbox } from "./support/harness";
import { openSignInPage, signInAs } from "./support/sign-in";

const REDIRECT = "http://127.0.0.1:3999/callback";
const tokensSchema = z.object({
  access_token: z.string(),
  id_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.number(),
});

function challengeOf(verifier: string): string {
  return createHash("sha256").update(verifier).digest("base64url");
}

function authorizeUrl(sandbox: Sandbox, verifier: string, changes: Record<string, string> = {}): string {
  const url = new URL(`${sandbox.url}/identity/authorize`);
  url.search = String(
    new URLSearchParams({
      client_id: sandbox.credentials().oidc.clientId,
      redirect_uri: REDIRECT,
      response_type: "code",
      scope: "openid email",
      state: "st&te",
      nonce: "once",
      code_challenge: challengeOf(verifier),
      code_challenge_method: "S256",
      ...changes,
    }),
  );

  return url.href;
}

/** Exchanges a code as the client, with changes to the form; null takes a field away. */
async function exchange(
  sandbox: Sandbox,
  form: Record<string, string>,
  secret = sandbox.credentials().oidc.clientSecret,
) {
  const { clientId } = sandbox.credentials().oidc;
  const response = await fetch(`${sandbox.url}/identity/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "authorization_code", redirect_uri: REDIRECT, ...form }),
  });

  return { status: response.status, json: (await response.json()) as unknown };
}

const verifierOf = () => randomBytes(32).toString("base64url");

describe("signing in", () => {
  test("leads by discovery, page and code to tokens that verify and tell who it is", async () => {
    const sandbox = await startSandbox();
    const { issuer, clientId } = sandbox.credentials().oidc;
    const found = z
      .object({ issuer: z.string(), jwks_uri: z.string(), userinfo_endpoint: z.string() })
      .parse(await (await fetch(`${issuer}/.well-known/openid-configuration`)).json());
    const code_verifier = verifierOf();

    const back = await signInAs(authorizeUrl(sandbox, code_verifier), "operator@example.com");
    expect(back.href).toContain(`${REDIRECT}?`);
    expect(back.searchParams.get("state")).toBe("st&te");
    expect(back.searchParams.get("iss")).toBe(issuer);
    const code = back.searchParams.get("code") ?? "";
    const tokens = tokensSchema.parse((await exchange(sandbox, { code, code_verifier })).json);

    expect(found.issuer).toBe(issuer);
    const { payload } = await jwtVerify(tokens.id_token, createRemoteJWKSet(new URL(found.jwks_uri)), {
      issuer,
      audience: clientId,
    });
    expect(payload).toMatchObject({
      sub: expect.stringMatching(/^IBMid-/),
      nonce: "once",
      email: "operator@example.com",
      email_verified: true,
      name: "Olivia Operator",
    });
    const info = await fetch(found.userinfo_endpoint, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(await info.json()).toMatchObject({ sub: payload.sub, email: "operator@example.com" });
  });

  test("a code is good once, for a minute, with its verifier, its address and the client's secret", async () => {
    const clock = manualClock();
    const sandbox = await startSandbox({ clock });
    const code_verifier = verifierOf();
    const newCode = async () =>
      (await signInAs(authorizeUrl(sandbox, code_verifier), "viewer@example.com")).searchParams.get("code") ??
      "";

    const used = await newCode();
    expect((await exchange(sandbox, { code: used, code_verifier })).status).toBe(200);
    const refused = { status: 400, json: { error: "invalid_grant" } };
    expect(await exchange(sandbox, { code: used, code_verifier })).toMatchObject(refused);
    expect(await exchange(sandbox, { code: await newCode(), code_verifier: verifierOf() })).toMatchObject(
      refused,
    );
    expect(await exchange(sandbox, { code: await newCode() })).toMatchObject(refused);
    expect(
      await exchange(sandbox, { code: await newCode(), code_verifier, redirect_uri: `${REDIRECT}2` }),
    ).toMatchObject(refused);
    const late = await newCode();
    clock.advance(60_000);
    expect(await exchange(sandbox, { code: late, code_verifier })).toMatchObject(refused);
    const code = await newCode();
    expect(await exchange(sandbox, { code, code_verifier }, "wrong")).toMatchObject({
      status: 401,
      json: { error: "invalid_client" },
    });
    expect((await exchange(sandbox, { code, code_verifier })).status).toBe(200);
  });

  test("somebody whose address is not verified is told so to the client", async () => {
    const sandbox = await startSandbox({
      people: [{ email: "x@example.com", name: "X", emailVerified: false }],
    });
    const code_verifier = verifierOf();
    const back = await signInAs(authorizeUrl(sandbox, code_verifier), "x@example.com");
    const code = back.searchParams.get("code") ?? "";
    const { id_token } = tokensSchema.parse((await exchange(sandbox, { code, code_verifier })).json);
    const [, claims = ""] = id_token.split(".");

    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({ email_verified: false });
  });
});

describe("the page", () => {
  test("offers the people, holds what it is given as text, and cannot be framed", async () => {
    const people = [{ email: "a@example.com", name: `<b onclick="x">'&` }];
    const sandbox = await startSandbox({ people });
    const state = `"><script>alert(1)</script>`;
    const {
      response,
      html,
      fields,
      people: offered,
    } = await openSignInPage(authorizeUrl(sandbox, verifierOf(), { state }));

    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    expect(response.headers.get("content-security-policy")).toMatch(
      /default-src 'none'.*form-action 'self' http:\/\/127\.0\.0\.1:3999; frame-ancestors 'none'/,
    );
    expect(offered).toEqual(["a@example.com"]);
    expect(html).not.toMatch(/<script|<b /);
    expect(fields.get("state")).toBe(state);
  });

  test("does not send people to addresses that are not known", async () => {
    const sandbox = await startSandbox({ redirectUris: ["https://console.example/cb"] });
    const open = async (redirect_uri: string) =>
      (await openSignInPage(authorizeUrl(sandbox, verifierOf(), { redirect_uri }))).response.status;

    expect(await open("https://console.example/cb")).toBe(200);
    expect(await open("http://localhost:8080/x")).toBe(200);
    expect(await open("http://[::1]:8080/x")).toBe(200);
    for (const uri of [
      "https://console.example/other",
      "http://console.example/cb",
      "http://127.0.0.1.evil.example/",
      "http://127.0.0.1@evil.example/",
      "http://user@127.0.0.1/",
      "https://evil.example/",
      "javascript:alert(1)",
      "",
    ]) {
      expect(await open(uri), uri).toBe(400);
    }
    const unknownClient = await openSignInPage(authorizeUrl(sandbox, verifierOf(), { client_id: "other" }));
    expect(unknownClient.response.status).toBe(400);
  });

  test.each<[string, Record<string, string>]>([
    ["unsupported_response_type", { response_type: "token" }],
    ["invalid_scope", { scope: "email" }],
    ["invalid_request", { code_challenge_method: "plain" }],
    ["invalid_request", { code_challenge: "" }],
    ["login_required", { prompt: "none" }],
  ])("tells the client %s", async (error, changes) => {
    const sandbox = await startSandbox();
    const { response } = await openSignInPage(authorizeUrl(sandbox, verifierOf(), changes));
    const back = new URL(response.headers.get("location") ?? "");

    expect([response.status, back.searchParams.get("error"), back.searchParams.get("state")]).toEqual([
      303,
      error,
      "st&te",
    ]);
  });

  test("knows only the people that it shows", async () => {
    const sandbox = await startSandbox();
    const back = await signInAs(authorizeUrl(sandbox, verifierOf()), "stranger@example.com");

    expect([back.searchParams.get("error"), back.searchParams.has("code")]).toEqual(["access_denied", false]);
  });
});

test("tokens of people, of clients and of service IDs do not stand in for one another", async () => {
  const sandbox = await startSandbox();
  const code_verifier = verifierOf();
  const back = await signInAs(authorizeUrl(sandbox, code_verifier), "admin@example.com");
  const code = back.searchParams.get("code") ?? "";
  const tokens = tokensSchema.parse((await exchange(sandbox, { code, code_verifier })).json);
  const service = await bearerOf(sandbox.url, sandbox.credentials().manager.apiKey);
  const status = async (path: string, token: string) =>
    (await fetch(`${sandbox.url}${path}`, { headers: { authorization: `Bearer ${token}` } })).status;

  expect(await status("/identity/userinfo", tokens.access_token)).toBe(200);
  expect(await status("/identity/userinfo", tokens.id_token)).toBe(401);
  expect(await status("/identity/userinfo", service)).toBe(401);
  expect(await status("/v2/resource_instances", service)).toBe(200);
  expect(await status("/v2/resource_instances", tokens.access_token)).toBe(401);
  expect(await status("/v2/resource_instances", tokens.id_token)).toBe(401);
});

test("signing out leads back to known addresses only", async () => {
  const sandbox = await startSandbox({ redirectUris: ["https://console.example/cb"] });
  const signOut = async (to: string) => {
    const query = new URLSearchParams({ post_logout_redirect_uri: to, state: "s" });
    const response = await fetch(`${sandbox.url}/identity/logout?${query}`, { redirect: "manual" });
    return response.headers.get("location");
  };

  expect(await signOut("https://console.example/sign-in")).toBe("https://console.example/sign-in?state=s");
  expect(await signOut("http://localhost:3000/")).toBe("http://localhost:3000/?state=s");
  expect(await signOut("https://evil.example/")).toBeNull();
});
