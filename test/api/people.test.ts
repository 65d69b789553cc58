import { beforeEach, describe, expect, it, vi } from "vitest";
import type { KnownOperation } from "@/lib/api/handlers";
import * as operations from "@/lib/api/operations";
import { countSignIn } from "@/lib/auth/rate-limits";
import { resetRateLimits } from "@/test/support/process-memory";
import {
  addAccount,
  type Call,
  callApi,
  cookieOf,
  handlerOf,
  houseForTests,
  ORIGIN,
  requestOf,
} from "./support/house";
import { auth, csrf, Jar, signIn } from "./support/next-auth";

const house = houseForTests();
const OWN = "a password of my own";
let names = 0;

beforeEach(() => resetRateLimits());

function address(): string {
  names += 1;

  return `person-${names}@people.example.com`;
}

const asAdministrator = (operation: KnownOperation, account: "a" | "b", call: Call = {}) =>
  callApi(operation, { token: house[account].tokens.administrator, ...call });
const me = (jar: Jar) => callApi(operations.getMe, { cookie: jar.header() });

async function invite(account: "a" | "b", email: string, role = "viewer"): Promise<string> {
  const { status, body } = await asAdministrator(operations.createInvitation, account, {
    body: { email, role },
  });
  expect(status).toBe(201);
  expect(body.link).toBe(`${ORIGIN}/invitations/${body.token}`);

  return body.token;
}

const accept = (token: string, call: Call = {}) =>
  callApi(operations.acceptInvitation, { params: { token }, body: {}, ...call });

/** Somebody new in an account, with a password of their own. */
async function newPerson(account: "a" | "b", email: string, role = "viewer"): Promise<Jar> {
  const token = await invite(account, email, role);
  expect((await accept(token, { body: { name: "Somebody", password: OWN } })).status).toBe(200);
  const jar = new Jar();
  await signIn(jar, email, OWN);
  expect((await me(jar)).body.account.id).toBe(house[account].id);

  return jar;
}

const userOf = (email: string) => house.database.prisma.user.findUnique({ where: { email } });
const lastEvent = (action: string) =>
  house.database.prisma.auditEvent.findFirstOrThrow({ where: { action }, orderBy: { id: "desc" } });

describe("account pre-hijacking", () => {
  const PASSWORD = "known to its first account";

  it("a password that one account gave opens no other account", async () => {
    const email = address();
    const body = { email, name: "Planted", role: "viewer", password: PASSWORD };
    expect((await asAdministrator(operations.createMember, "a", { body })).status).toBe(201);
    const added = await asAdministrator(operations.createMember, "b", {
      body: { email, name: "Victim", role: "administrator", password: "chosen by the second account" },
    });
    expect(added).toMatchObject({ status: 201, body: { pending: true, name: "Victim" } });

    // The administrator of A signs in with the password that they gave.
    const attacker = new Jar();
    await signIn(attacker, email, PASSWORD);
    const { prisma } = house.database;
    const user = await prisma.user.findUniqueOrThrow({ where: { email }, include: { memberships: true } });
    expect(user.memberships.map(({ accountId }) => accountId)).toEqual([house.a.id]);
    expect((await me(attacker)).body).toMatchObject({ account: { id: house.a.id }, accounts: [{}] });
    const choose = { cookie: attacker.header(), body: { accountId: house.b.id } };
    expect((await callApi(operations.updateMe, choose)).status).toBe(403);
    await callApi(operations.changePassword, {
      cookie: attacker.header(),
      body: { currentPassword: PASSWORD, newPassword: OWN },
    });
    expect((await callApi(operations.updateMe, choose)).status).toBe(404);
    const theirs = await asAdministrator(operations.listMembers, "b");
    expect(theirs.body.items.find((item: { email: string }) => item.email === email)).toMatchObject({
      pending: true,
    });
  });

  it("whoever is signed in with such a password does not get in without the link", async () => {
    const email = address();
    const attacker = await newPerson("a", email);
    await asAdministrator(operations.createMember, "b", {
      body: { email, name: "Victim", role: "viewer", password: PASSWORD },
    });
    const { id } = await house.database.prisma.invitation.findFirstOrThrow({ where: { email } });
    for (const guess of [id, "A".repeat(43), email]) {
      expect((await accept(guess, { cookie: attacker.header() })).status).toBe(404);
    }
    // And the password of the invitation opens nothing, since there is somebody with the address.
    await signIn(new Jar(), email, PASSWORD);
    expect((await me(attacker)).body.accounts).toHaveLength(1);
  });

  it("a membership that was accepted by single sign-on is not opened by a password", async () => {
    const email = address();
    const attacker = await newPerson("a", email);
    const user = await house.database.prisma.user.findUniqueOrThrow({ where: { email } });
    const owner = await cookieOf(house.database, user, "oidc");
    expect((await accept(await invite("b", email), { cookie: owner })).status).toBe(200);
    expect((await callApi(operations.getMe, { cookie: owner })).body.account.id).toBe(house.b.id);
    expect((await me(attacker)).body.accounts).toMatchObject([{ id: house.a.id }]);
    expect(
      (
        await callApi(operations.updateMe, {
          cookie: attacker.header(),
          body: { accountId: house.b.id },
        })
      ).status,
    ).toBe(404);
  });

  it("adding, inviting and removing tell nothing of people of elsewhere, and do nothing to them", async () => {
    const known = address();
    const unknown = address();
    const jar = await newPerson("b", known);
    const before = await userOf(known);

    for (const [operation, more] of [
      [operations.createMember, { name: "Given", password: PASSWORD }],
      [operations.createInvitation, {}],
    ] as const) {
      const answers = await Promise.all(
        [known, unknown].map((email) =>
          asAdministrator(operation, "a", { body: { email, role: "viewer", ...more } }),
        ),
      );
      const shapes = answers.map(({ status, body }) => ({
        status,
        body: Object.entries(body).map(([name, value]) => [
          name,
          ["name", "role", "pending", "disabled", "lastSignInAt"].includes(name) ? value : typeof value,
        ]),
      }));
      expect(shapes[0]).toEqual(shapes[1]);
      expect(answers[0]?.text).not.toContain("Somebody");
    }

    const { body } = await asAdministrator(operations.listMembers, "a");
    // Both were invited at the same moment: which came first is chance.
    const listed = [known, unknown].map((email) =>
      body.items.find((item: { email: string }) => item.email === email),
    );
    expect(listed).toMatchObject([
      { email: known, name: known, pending: true, lastSignInAt: null },
      { email: unknown, name: unknown, pending: true, lastSignInAt: null },
    ]);
    for (const { userId } of listed) {
      expect((await asAdministrator(operations.deleteMember, "a", { params: { userId } })).status).toBe(204);
    }
    expect(await userOf(known)).toEqual(before);
    expect((await me(jar)).status).toBe(200);
  });

  it("removing somebody ends their access at once, here and nowhere else", async () => {
    const email = address();
    const jar = await newPerson("a", email);
    await accept(await invite("b", email), { cookie: jar.header() });
    expect((await me(jar)).body.account.id).toBe(house.b.id);
    const userId = (await userOf(email))?.id ?? "";
    expect((await asAdministrator(operations.deleteMember, "b", { params: { userId } })).status).toBe(204);
    expect((await me(jar)).body).toMatchObject({
      account: { id: house.a.id },
      accounts: [{ id: house.a.id }],
    });
    await asAdministrator(operations.deleteMember, "a", { params: { userId } });
    expect((await me(jar)).status).toBe(401);
  });
});

describe("invitations", () => {
  it("make a member with a password that only they know, once", async () => {
    const email = address();
    const token = await invite("a", email, "operator");
    const { rows } = await house.database.pool.query("SELECT i::text FROM invitation i");
    expect(JSON.stringify(rows)).not.toContain(token);
    const accepted = await accept(token, { body: { name: "Ada", password: OWN } });
    expect(accepted).toMatchObject({
      status: 200,
      body: { account: { id: house.a.id, name: "a" }, email, role: "operator" },
    });
    expect(await userOf(email)).toMatchObject({ name: "Ada", passwordGiven: false });
    expect(await lastEvent("vmware-solutions.invitation.accept")).toMatchObject({
      outcome: "success",
      accountId: house.a.id,
    });
    expect((await accept(token, { body: { name: "Eve", password: OWN } })).status).toBe(404);
  });

  it("are accepted once, however many try at the same moment", async () => {
    const email = address();
    const token = await invite("a", email);
    const answers = await Promise.all(
      ["one", "two", "three"].map((name) => accept(token, { body: { name, password: OWN } })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await house.database.prisma.membership.count({ where: { user: { email } } })).toBe(1);
  });

  it("are worth nothing when expired, replaced, taken back, or made by a former administrator", async () => {
    const expired = address();
    const late = await invite("a", expired);
    await house.database.prisma.invitation.updateMany({
      where: { email: expired },
      data: { expiresAt: new Date(Date.now() - 1_000) },
    });
    const replaced = address();
    const first = await invite("a", replaced);
    const second = await invite("a", replaced);
    const taken = address();
    const gone = await invite("a", taken);
    const { body } = await asAdministrator(operations.listMembers, "a");
    const { userId } = body.items.find((item: { email: string }) => item.email === taken);
    await asAdministrator(operations.deleteMember, "a", { params: { userId } });
    const boss = await newPerson("a", address(), "administrator");
    const back = await callApi(operations.createInvitation, {
      cookie: boss.header(),
      body: { email: address(), role: "administrator" },
    });
    await asAdministrator(operations.updateMember, "a", {
      params: { userId: (await me(boss)).body.id },
      body: { role: "viewer" },
    });

    for (const token of [late, first, gone, back.body.token]) {
      expect(await accept(token, { body: { name: "x", password: OWN } })).toMatchObject({
        status: 404,
        body: { code: "NOT_FOUND" },
      });
    }
    expect((await accept(second, { body: { name: "x", password: OWN } })).status).toBe(200);
  });

  it("of somebody who exists need their sign-in, and are for nobody else", async () => {
    const email = address();
    const jar = await newPerson("a", email);
    const other = await newPerson("a", address());
    const token = await invite("b", email);
    expect(await accept(token, { body: { name: "Thief", password: OWN } })).toMatchObject({
      status: 401,
      body: { code: "UNAUTHENTICATED" },
    });
    expect((await accept(token, { cookie: other.header() })).status).toBe(403);
    expect(
      (await accept(token, { cookie: jar.header(), headers: { origin: "https://evil.example" } })).body,
    ).toMatchObject({ code: "ORIGIN_REFUSED" });
    expect((await accept(token)).body).toMatchObject({ code: "VALIDATION_FAILED" });
    expect((await accept(token, { cookie: jar.header() })).status).toBe(200);
    expect((await me(jar)).body.accounts).toHaveLength(2);
    const back = await callApi(operations.updateMe, {
      cookie: jar.header(),
      body: { accountId: house.a.id },
    });
    expect(back.body.account.id).toBe(house.a.id);
    expect((await me(jar)).body.account.id).toBe(house.a.id);
  });

  it("of members are refused, and calls of links are limited", async () => {
    const email = house.a.users.viewer.email;
    expect(
      await asAdministrator(operations.createInvitation, "a", { body: { email, role: "administrator" } }),
    ).toMatchObject({ status: 409, body: { code: "NAME_TAKEN" } });
    const statuses: number[] = [];
    for (let call = 0; call < 32; call += 1) {
      statuses.push((await accept("x", { body: { name: "x", password: OWN } })).status);
    }
    expect(statuses.at(0)).toBe(404);
    expect(statuses.at(-1)).toBe(429);
  });

  it("repeated with an Idempotency-Key do not give the link twice", async () => {
    const send = () =>
      asAdministrator(operations.createInvitation, "a", {
        body: { email: "twice@people.example.com", role: "viewer" },
        headers: { "idempotency-key": "invite-twice" },
      });
    const first = await send();
    expect((await send()).body).toEqual({ ...first.body, link: null, token: null });
  });
});

describe("passwords", () => {
  it("that others would guess are refused, whoever chooses them", async () => {
    const email = address();
    const token = await invite("a", email);
    for (const password of ["aaaaaaaaaaaa", "Password1234", "123456789012", email]) {
      const code = { status: 400, body: { code: "VALIDATION_FAILED" } };
      expect(await accept(token, { body: { name: "x", password } })).toMatchObject(code);
      expect(
        await asAdministrator(operations.createMember, "a", {
          body: { email: address(), name: "x", role: "viewer", password: `${password}` },
        }),
      ).toMatchObject(password === email ? { status: 201 } : code);
    }
    expect(await userOf(email)).toBeNull();
  });

  it("that an administrator gave open nothing but the way to another one", async () => {
    const email = address();
    const given = "given by somebody else";
    await asAdministrator(operations.createMember, "a", {
      body: { email, name: "New", role: "operator", password: given },
    });
    const jar = new Jar();
    await signIn(jar, email, given);
    expect((await me(jar)).body).toMatchObject({ role: "operator", passwordChangeRequired: true });
    const cookie = jar.header();
    for (const operation of [operations.listInstances, operations.streamAuditEvents]) {
      expect(await callApi(operation, { cookie })).toMatchObject({
        status: 403,
        body: { code: "PASSWORD_CHANGE_REQUIRED" },
      });
    }
    // Nor does it open another account: whoever gave it would get in there too.
    expect((await accept(await invite("b", email), { cookie })).body.code).toBe("PASSWORD_CHANGE_REQUIRED");
    const change = (newPassword: string, currentPassword = given) =>
      callApi(operations.changePassword, { cookie, body: { currentPassword, newPassword } });
    expect((await change("another good one", "wrong")).body.code).toBe("CONFIRMATION_MISMATCH");
    expect((await change(given)).body.code).toBe("CONFIRMATION_MISMATCH");
    expect((await change("aaaaaaaaaaaa")).body.code).toBe("VALIDATION_FAILED");
    expect((await change("another good one")).status).toBe(204);
    expect((await callApi(operations.listInstances, { cookie })).status).toBe(200);
    const again = new Jar();
    await signIn(again, email, given);
    expect((await me(again)).status).toBe(401);
  });

  it("a change ends the other sessions, and is no business of tokens", async () => {
    const email = address();
    const jar = await newPerson("a", email);
    const elsewhere = new Jar();
    await signIn(elsewhere, email, OWN);
    const body = { currentPassword: OWN, newPassword: "another good one" };
    expect((await callApi(operations.changePassword, { cookie: jar.header(), body })).status).toBe(204);
    expect((await me(jar)).status).toBe(200);
    expect((await me(elsewhere)).status).toBe(401);
    expect((await asAdministrator(operations.changePassword, "a", { body })).status).toBe(403);
  });

  it("are not guessed by a stolen session either", async () => {
    const jar = await newPerson("a", address());
    const codes = new Set<string>();
    for (let guess = 0; guess < 10; guess += 1) {
      const { body } = await callApi(operations.changePassword, {
        cookie: jar.header(),
        body: { currentPassword: `guess ${guess}`, newPassword: "another good one" },
      });
      codes.add(body.code);
    }
    expect([...codes]).toEqual(["CONFIRMATION_MISMATCH", "RATE_LIMITED"]);
  });
});

describe("own sessions", () => {
  it("are listed and ended by their person alone", async () => {
    const email = address();
    const jar = await newPerson("a", email);
    const other = new Jar();
    await signIn(other, email, OWN, "192.0.2.77");
    const { body } = await callApi(operations.listSessions, { cookie: jar.header() });
    expect(body.items).toHaveLength(2);
    const theirs = body.items.find((item: { current: boolean }) => !item.current);
    expect(theirs).toMatchObject({ method: "password", address: "192.0.2.77" });

    const stranger = await newPerson("a", address());
    for (const call of [
      { cookie: stranger.header() },
      { token: house.a.tokens.administrator },
      { cookie: house.b.cookies.administrator },
    ]) {
      const params = { sessionId: theirs.id };
      expect((await callApi(operations.deleteSession, { ...call, params })).status).toBe(404);
    }
    expect((await me(other)).status).toBe(200);
    const end = { cookie: jar.header(), params: { sessionId: theirs.id } };
    expect((await callApi(operations.deleteSession, end)).status).toBe(204);
    expect((await me(other)).status).toBe(401);
    const third = new Jar();
    await signIn(third, email, OWN);
    expect((await callApi(operations.deleteOtherSessions, { cookie: jar.header() })).status).toBe(204);
    expect((await me(third)).status).toBe(401);
    expect((await me(jar)).status).toBe(200);
    expect((await asAdministrator(operations.listSessions, "a")).body.items).toEqual([]);
  });
});

describe("API tokens of people", () => {
  it("do what their maker may do now, and nothing once they are gone", async () => {
    const account = await addAccount(house.database, "makers");
    const { id: userId } = account.users.operator;
    const administrator = { token: account.tokens.administrator, params: { userId } };
    const promote = (role: string) => callApi(operations.updateMember, { ...administrator, body: { role } });
    await promote("administrator");
    const made = await callApi(operations.createToken, {
      cookie: account.cookies.operator,
      body: { name: "by a person", role: "administrator" },
    });
    const child = await callApi(operations.createToken, {
      token: made.body.token,
      body: { name: "by that token", role: "operator" },
    });
    const roles = async () =>
      Promise.all(
        [made, child].map(async ({ body }) => {
          const answer = await callApi(operations.getMe, { token: body.token });

          return answer.status === 200 ? answer.body.role : answer.status;
        }),
      );
    expect(await roles()).toEqual(["administrator", "operator"]);
    await promote("auditor");
    expect(await roles()).toEqual(["auditor", "viewer"]);
    await house.database.prisma.user.update({ where: { id: userId }, data: { disabledAt: new Date() } });
    expect(await roles()).toEqual([401, 401]);
    await house.database.prisma.user.update({ where: { id: userId }, data: { disabledAt: null } });
    await callApi(operations.deleteMember, administrator);
    expect(await roles()).toEqual([401, 401]);
    // Those that nobody in particular made go on.
    expect((await callApi(operations.getMe, { token: account.tokens.operator })).status).toBe(200);
  });
});

it("somebody who was in an account and is in none signs in again only when invited", async () => {
  const email = address();
  const jar = await newPerson("a", email);
  const userId = (await userOf(email))?.id ?? "";
  await asAdministrator(operations.deleteMember, "a", { params: { userId } });
  await signIn(new Jar(), email, OWN);
  expect((await lastEvent("vmware-solutions.session.create")).outcome).toBe("failure");
  const token = await invite("b", email);
  await signIn(jar, email, OWN);
  expect((await me(jar)).status).toBe(401);
  expect((await accept(token, { cookie: jar.header() })).status).toBe(200);
  expect((await me(jar)).body.account.id).toBe(house.b.id);
});

describe("live streams", () => {
  const open = async (call: Call) => {
    const handler = await handlerOf(operations.streamAuditEvents);

    return handler(requestOf(operations.streamAuditEvents, call), { params: Promise.resolve({}) });
  };
  const untilEnd = async (response: Response) => {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    while (!(await reader.read()).done) {
      // Heartbeats.
    }
  };

  it("end soon after their session or token does", async () => {
    const jar = await newPerson("a", address());
    const made = await asAdministrator(operations.createToken, "a", {
      body: { name: "reader", role: "viewer" },
    });
    const streams = await Promise.all([open({ cookie: jar.header() }), open({ token: made.body.token })]);
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    await asAdministrator(operations.revokeToken, "a", { params: { tokenId: made.body.id } });
    await auth(jar, "signout", { method: "POST", body: { csrfToken: await csrf(jar) } });
    await Promise.all(streams.map(untilEnd));
  }, 10_000);

  it("are five for each caller, and give their places back", async () => {
    const { token } = (
      await asAdministrator(operations.createToken, "b", { body: { name: "many", role: "viewer" } })
    ).body;
    const streams = await Promise.all(Array.from({ length: 6 }, () => open({ token })));
    expect(streams.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 429]);
    await Promise.all(streams.map((stream) => stream.body?.cancel()));
    await vi.waitFor(async () => {
      const again = await open({ token });
      expect(again.status).toBe(200);
      await again.body?.cancel();
    });
  });
});

describe("signing in", () => {
  it("counts guesses before it looks at them: of fifty at once, eight are evaluated", async () => {
    const email = address();
    await newPerson("a", email);
    resetRateLimits();
    const locations = await Promise.all(
      Array.from({ length: 50 }, async () => (await signIn(new Jar(), email, "wrong")).location),
    );
    const errors = locations.map((location) => new URL(location, ORIGIN).searchParams.get("error"));
    expect(errors.filter((error) => error === "CredentialsSignin")).toHaveLength(8);
    expect(errors.filter((error) => error === "RateLimited")).toHaveLength(42);
  });

  it("is not barred to others of an address by guesses for invented names", async () => {
    const known = address();
    const other = address();
    await newPerson("a", known);
    await newPerson("a", other);
    resetRateLimits();
    await signIn(new Jar(), known, OWN);
    for (let guess = 0; guess < 60; guess += 1) {
      await countSignIn("192.0.2.1", `nobody-${guess}@example.com`);
    }
    const begun = Date.now();
    const jar = new Jar();
    await signIn(jar, known, OWN);
    expect((await me(jar)).status).toBe(200);
    expect(Date.now() - begun).toBeLessThan(900);
    // Others wait for their turn.
    const slow = new Jar();
    await signIn(slow, other, OWN);
    expect((await me(slow)).status).toBe(200);
  });
});
