import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { singleSignOn } from "@/lib/auth/options";
import { cookieName } from "@/lib/auth/settings";
import { ensureFirstAdministrator, hashPassword, verifyPassword } from "@/lib/core/users";
import { resetRateLimits } from "@/test/support/process-memory";
import { callApi, houseForTests, ORIGIN } from "./support/house";
import { auth, csrf, Jar, signIn } from "./support/next-auth";
import { startOidcProvider } from "./support/oidc-provider";

const provider = await startOidcProvider("console");
Object.assign(process.env, {
  OIDC_ISSUER: provider.issuer,
  OIDC_CLIENT_ID: "console",
  OIDC_CLIENT_SECRET: "secret",
  OIDC_NAME: "Company login",
});
const house = houseForTests();
const PASSWORD = "correct horse battery staple";

beforeAll(async () => {
  await house.database.prisma.user.update({
    where: { id: house.a.users.operator.id },
    data: { passwordHash: await hashPassword(PASSWORD) },
  });
});
beforeEach(() => resetRateLimits());
afterAll(() => provider.close());

const me = (jar: Jar) => callApi(operations.getMe, { cookie: jar.header() });

async function lastSignIn(): Promise<{ outcome: string; accountId: string | null; event: string }> {
  return house.database.prisma.auditEvent.findFirstOrThrow({
    where: { action: "vmware-solutions.session.create" },
    orderBy: { id: "desc" },
  });
}

describe("signing in with a password", () => {
  it("opens a session with a cookie that scripts cannot read, and is audited", async () => {
    const jar = new Jar();
    const { location } = await signIn(jar, " Operator@A.example.com ", PASSWORD);
    expect(location).toBe(`${ORIGIN}/instances`);
    const cookie = jar.set.find((line) => line.startsWith(`${cookieName("session")}=`)) ?? "";
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).toMatch(/SameSite=Lax/i);
    expect(cookieName("session")).toBe("kmip-console-3000.session");
    expect((await me(jar)).body).toMatchObject({
      kind: "user",
      role: "operator",
      email: house.a.users.operator.email,
    });
    expect(await lastSignIn()).toMatchObject({ outcome: "success", accountId: house.a.id });
    const user = await house.database.prisma.user.findUniqueOrThrow({
      where: { id: house.a.users.operator.id },
    });
    expect(user.lastSignInAt).not.toBeNull();
  });

  it("fails alike for wrong passwords, unknown and disabled people, and people without a password", async () => {
    await house.database.prisma.user.update({
      where: { id: house.b.users.viewer.id },
      data: { disabledAt: new Date(), passwordHash: await hashPassword(PASSWORD) },
    });
    const locations = [];
    for (const [email, password] of [
      [house.a.users.operator.email, "wrong"],
      [house.a.users.operator.email, ""],
      ["nobody@example.com", PASSWORD],
      ["nobody\u0000@example.com", PASSWORD],
      [house.b.users.viewer.email, PASSWORD],
      [house.a.users.viewer.email, PASSWORD],
      [house.a.users.operator.email, "x".repeat(100_000)],
    ] as const) {
      const jar = new Jar();
      const { location } = await signIn(jar, email, password);
      locations.push(new URL(location, ORIGIN).searchParams.get("error"));
      expect((await me(jar)).status).toBe(401);
      const event = await lastSignIn();
      expect(event.outcome).toBe("failure");
      expect(event.event).not.toContain(PASSWORD);
    }
    expect(new Set(locations)).toEqual(new Set(["CredentialsSignin"]));
  });

  it("failures of a member are seen in the account's own audit log", async () => {
    await signIn(new Jar(), house.a.users.operator.email, "wrong");
    expect(await lastSignIn()).toMatchObject({ outcome: "failure", accountId: house.a.id });
    await signIn(new Jar(), "stranger@example.com", "wrong");
    expect(await lastSignIn()).toMatchObject({ outcome: "failure", accountId: null });
  });

  it("is slowed down after wrong passwords, for that person from that address only", async () => {
    const { email } = house.a.users.operator;
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await signIn(new Jar(), email, "wrong");
    }
    const jar = new Jar();
    const { location } = await signIn(jar, email, PASSWORD);
    expect(new URL(location, ORIGIN).searchParams.get("error")).toBe("RateLimited");
    expect((await me(jar)).status).toBe(401);
    const elsewhere = new Jar();
    await signIn(elsewhere, email, PASSWORD, "192.0.2.2");
    expect((await me(elsewhere)).status).toBe(200);
  });

  it("needs the CSRF token", async () => {
    const jar = new Jar();
    await auth(jar, "callback/credentials", {
      method: "POST",
      body: { email: house.a.users.operator.email, password: PASSWORD },
    });
    expect((await me(jar)).status).toBe(401);
  });

  it("never sends people to another site afterwards", async () => {
    const jar = new Jar();
    const csrfToken = await csrf(jar);
    const { location } = await auth(jar, "callback/credentials", {
      method: "POST",
      body: {
        email: house.a.users.operator.email,
        password: PASSWORD,
        csrfToken,
        callbackUrl: "https://evil.example/",
      },
    });
    expect(location).not.toContain("evil.example");
  });
});

describe("signing out", () => {
  it("takes the cookie away and is audited", async () => {
    const jar = new Jar();
    await signIn(jar, house.a.users.operator.email, PASSWORD);
    const csrfToken = await csrf(jar);
    await auth(jar, "signout", { method: "POST", body: { csrfToken } });
    expect((await me(jar)).status).toBe(401);
    const events = await house.database.prisma.auditEvent.count({
      where: { action: "vmware-solutions.session.delete", accountId: house.a.id },
    });
    expect(events).toBe(1);
  });
});

describe("single sign-on", () => {
  async function signInByProvider(jar: Jar) {
    const csrfToken = await csrf(jar);
    const start = await auth(jar, "signin/oidc", {
      method: "POST",
      body: { csrfToken, callbackUrl: `${ORIGIN}/audit` },
    });
    expect(start.location).toContain(`${provider.issuer}/authorize?`);
    expect(new URL(start.location).searchParams.get("redirect_uri")).toBe(`${ORIGIN}/api/auth/callback/oidc`);

    return auth(jar, "callback/oidc", { query: provider.agree(start.location) });
  }

  it("is offered when it is configured", () => {
    expect(singleSignOn()).toEqual({ id: "oidc", name: "Company login" });
  });

  it("opens a session for a member", async () => {
    provider.person.email = "Auditor@a.example.com";
    const jar = new Jar();
    expect((await signInByProvider(jar)).location).toBe(`${ORIGIN}/audit`);
    expect((await me(jar)).body).toMatchObject({ role: "auditor", email: house.a.users.auditor.email });
    expect(await lastSignIn()).toMatchObject({ outcome: "success", accountId: house.a.id });
    await house.database.prisma.user.update({
      where: { id: house.a.users.auditor.id },
      data: { sessionVersion: { increment: 1 } },
    });
    expect((await me(jar)).status).toBe(401);
  });

  it("is refused to strangers, and to addresses that the provider has not verified", async () => {
    for (const [email, verified] of [
      ["stranger@example.com", true],
      [house.a.users.viewer.email, false],
    ] as const) {
      Object.assign(provider.person, { email, email_verified: verified });
      const jar = new Jar();
      const { location } = await signInByProvider(jar);
      expect(location).toContain("error=AccessDenied");
      expect((await me(jar)).status).toBe(401);
      expect(await lastSignIn()).toMatchObject({ outcome: "failure" });
    }
  });
});

describe("the first administrator", () => {
  it("is there already: nothing is made, and nobody's password changes", async () => {
    const before = await house.database.prisma.user.findMany({ orderBy: { id: "asc" } });
    expect(
      await ensureFirstAdministrator({ email: "x@example.com", password: "a password of mine" }),
    ).toMatchObject({
      generatedPassword: null,
    });
    expect(await house.database.prisma.user.findMany({ orderBy: { id: "asc" } })).toEqual(before);
  });

  it("is made once, also when several processes start at the same moment, and can sign in", async () => {
    await house.database.prisma.membership.deleteMany();
    const made = await Promise.all(
      [1, 2, 3].map(() => ensureFirstAdministrator({ email: "First@Example.com" })),
    );
    expect(new Set(made.map(({ email }) => email))).toEqual(new Set(["first@example.com"]));
    const passwords = made.flatMap(({ generatedPassword }) => generatedPassword ?? []);
    expect(passwords).toHaveLength(1);
    expect(passwords[0]).toMatch(/^(\w{5}-){3}\w{5}$/);
    const jar = new Jar();
    await signIn(jar, "first@example.com", passwords[0] ?? "");
    expect((await me(jar)).body).toMatchObject({ role: "administrator" });
  });
});

describe("passwords", () => {
  it("are kept as argon2id; nobody without one gets in", async () => {
    const hash = await hashPassword(PASSWORD);
    expect(hash).toMatch(/^\$argon2id\$/);
    expect(await verifyPassword(hash, PASSWORD)).toBe(true);
    expect(await verifyPassword(hash, `${PASSWORD} `)).toBe(false);
    expect(await verifyPassword(null, PASSWORD)).toBe(false);
    expect(await verifyPassword(null, "")).toBe(false);
  });
});
