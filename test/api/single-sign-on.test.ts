/** Single sign-on against the sandbox's own OpenID Connect provider, by next-auth as the console has it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { createSandbox } from "@/sandbox";
import { signInAs } from "@/test/sandbox/support/sign-in";
import { resetRateLimits } from "@/test/support/process-memory";
import { callApi, houseForTests, ORIGIN } from "./support/house";
import { auth, csrf, Jar } from "./support/next-auth";

const dataDir = mkdtempSync(join(tmpdir(), "kmip-console-sso-"));
const provider = await createSandbox({
  dataDir,
  host: "127.0.0.1",
  port: 0,
  redirectUris: [`${ORIGIN}/api/auth/callback/oidc`],
  people: [
    ...["viewer", "auditor", "operator", "administrator"].map((role) => ({
      email: `${role}@a.example.com`,
      name: role,
    })),
    { email: "stranger@example.com", name: "Stranger" },
    { email: "Operator@A.example.com", name: "Not verified", emailVerified: false },
  ],
});
const { issuer, clientId, clientSecret } = provider.credentials().oidc;
Object.assign(process.env, {
  OIDC_ISSUER: issuer,
  OIDC_CLIENT_ID: clientId,
  OIDC_CLIENT_SECRET: clientSecret,
  OIDC_NAME: "Sandbox",
});
houseForTests();

beforeEach(() => resetRateLimits());
afterAll(async () => {
  await provider.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Goes from the console to the sandbox, chooses a person there and comes back; where the console leads then. */
async function signIn(jar: Jar, person: string): Promise<string> {
  const start = await auth(jar, "signin/oidc", {
    method: "POST",
    body: { csrfToken: await csrf(jar), callbackUrl: `${ORIGIN}/audit` },
  });
  expect(start.location).toContain(`${issuer}/authorize?`);
  const back = await signInAs(start.location, person);
  expect(`${back.origin}${back.pathname}`).toBe(`${ORIGIN}/api/auth/callback/oidc`);
  const end = await auth(jar, "callback/oidc", { query: Object.fromEntries(back.searchParams) });

  return end.location;
}

const me = (jar: Jar) => callApi(operations.getMe, { cookie: jar.header() });

it.each(["viewer", "auditor", "operator", "administrator"])(
  "signs a member in, who has the role of the membership: %s",
  async (role) => {
    const jar = new Jar();

    expect(await signIn(jar, `${role}@a.example.com`)).toBe(`${ORIGIN}/audit`);
    expect((await me(jar)).body).toMatchObject({ email: `${role}@a.example.com`, role });
  },
);

it.each(["stranger@example.com", "Operator@A.example.com"])(
  "lets nobody in who is no member or whose address is not verified: %s",
  async (person) => {
    const jar = new Jar();

    expect(await signIn(jar, person)).toContain("error=AccessDenied");
    expect((await me(jar)).status).toBe(401);
  },
);
