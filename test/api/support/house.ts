/**
 * A whole back end for tests of the API: a database of its own, the sandbox as IBM Cloud, two accounts with a person
 * and a token for every role, and route handlers called as functions.
 */

import { rmSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import type { RouteHandler } from "@/lib/api/contract/serve";
import type { KnownOperation } from "@/lib/api/handlers";
import { makeSessionToken } from "@/lib/auth/session";
import { cookieName } from "@/lib/auth/settings";
import type { Actor, Role } from "@/lib/core/actor";
import { setAuditWriter } from "@/lib/core/audit";
import { ensureTlsIdentities } from "@/lib/core/endpoints";
import { setIbmCloud } from "@/lib/core/key-managers/ibm-cloud";
import { ensureMasterKey } from "@/lib/core/secrets";
import { createToken } from "@/lib/core/tokens";
import { openSession, type SignInMethod } from "@/lib/core/users";
import type { Database } from "@/lib/db";
import { env, serverCertificateHosts } from "@/lib/env";
import { sandboxForTests, type TestCloud } from "@/test/key-managers/support/sandbox";
import { createTestDatabase } from "@/test/support/database";
import { dataDirForTests } from "@/test/support/world";

export const ROLES = ["viewer", "auditor", "operator", "administrator"] as const;
export const ORIGIN = "http://console.test:3000";

export type TestAccount = {
  readonly id: string;
  /** API tokens by role. */
  readonly tokens: Record<Role, string>;
  /** Session cookies by role, as a Cookie header. */
  readonly cookies: Record<Role, string>;
  readonly users: Record<Role, { id: string; email: string }>;
};

export type House = {
  readonly database: Database;
  readonly cloud: TestCloud;
  readonly a: TestAccount;
  readonly b: TestAccount;
};

const dataDir = dataDirForTests({ PUBLIC_URL: ORIGIN, KMIP_PORTS: "15696,15697" });

process.once("exit", () => rmSync(dataDir, { recursive: true, force: true }));

export function actorOf(account: { id: string }, role: Role = "administrator"): Actor {
  return {
    kind: "cli",
    id: "test",
    name: `test ${role}`,
    accountId: account.id,
    role,
    remoteAddress: null,
    userAgent: null,
    requestId: "test-request",
  };
}

/** The Cookie header of a new session of somebody. */
export async function cookieOf(
  { prisma }: Database,
  user: { id: string; sessionVersion: number },
  method: SignInMethod = "password",
): Promise<string> {
  const from = { remoteAddress: null, userAgent: null };
  const sessionId = await openSession(prisma, { userId: user.id, method, from });

  return `${cookieName("session")}=${await makeSessionToken(user, sessionId)}`;
}

export async function addAccount(database: Database, name: string): Promise<TestAccount> {
  const { prisma } = database;
  const account = await prisma.account.create({ data: { name } });
  const entries = await Promise.all(
    ROLES.map(async (role) => {
      const user = await prisma.user.create({
        data: {
          email: `${role}@${name}.example.com`,
          name: role,
          memberships: { create: { accountId: account.id, role } },
        },
      });
      const { token } = await createToken(actorOf(account), { name: role, role });
      const cookie = await cookieOf(database, user);

      return { role, user, token, cookie };
    }),
  );
  const byRole = <T>(value: (entry: (typeof entries)[number]) => T) =>
    Object.fromEntries(entries.map((entry) => [entry.role, value(entry)])) as Record<Role, T>;

  return {
    id: account.id,
    tokens: byRole((entry) => entry.token),
    cookies: byRole((entry) => entry.cookie),
    users: byRole((entry) => entry.user),
  };
}

/**
 * Builds the house before the tests of a file and tears it down after them. It is filled in by then.
 * @param sandboxPort at which the sandbox listens; any that is free without it
 */
export function houseForTests(sandboxPort?: number): House {
  const cloud = sandboxForTests(sandboxPort);
  const house = { cloud } as { -readonly [Key in keyof House]: House[Key] };
  let drop = async () => {};

  beforeAll(async () => {
    ensureMasterKey(env().masterKeyFile);
    const test = await createTestDatabase();
    drop = () => test.drop();
    house.database = test.database;
    setIbmCloud(cloud.cloud);
    await ensureTlsIdentities({ hosts: serverCertificateHosts(env()), zones: [1, 2] });
    house.a = await addAccount(test.database, "a");
    house.b = await addAccount(test.database, "b");
  });

  afterAll(async () => {
    setAuditWriter(null);
    await drop();
  });

  return house;
}

/** The file of a path of the API, below app/api/v1. */
export function routeFileOf(path: string): string {
  return `${path.slice(1).replace(/\{(\w+)\}/g, "[$1]")}/route.ts`;
}

export type Call = {
  readonly params?: Record<string, string>;
  readonly query?: Record<string, string>;
  /** Sent as JSON; `rawBody` is sent as it is. */
  readonly body?: unknown;
  readonly rawBody?: BodyInit;
  /** API token. */
  readonly token?: string;
  /** Cookie header. */
  readonly cookie?: string;
  readonly headers?: Record<string, string>;
  /** Aborts when the client goes away. */
  readonly signal?: AbortSignal;
};

export type Answer<Body> = { status: number; body: Body; headers: Headers; text: string };

/** The request that a client would send. */
export function requestOf(operation: KnownOperation, call: Call): Request {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(call.params?.[name] ?? ""),
  );
  const search = new URLSearchParams(call.query).toString();
  const headers = new Headers({ host: "console.test:3000" });
  if (call.token !== undefined) {
    headers.set("authorization", `Bearer ${call.token}`);
  }
  if (call.cookie !== undefined) {
    headers.set("cookie", call.cookie);
    headers.set("origin", ORIGIN);
  }
  const body = call.rawBody ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
  if (body !== undefined) {
    headers.set("content-type", "application/json");
  }
  for (const [name, value] of Object.entries(call.headers ?? {})) {
    if (value === "") {
      headers.delete(name);
    } else {
      headers.set(name, value);
    }
  }

  return new Request(`${ORIGIN}/api/v1${path}${search && `?${search}`}`, {
    method: operation.method,
    headers,
    ...(call.signal === undefined ? {} : { signal: call.signal }),
    ...(body === undefined ? {} : { body, duplex: "half" }),
  } as RequestInit);
}

/** The handler of an operation, from its route file. */
export async function handlerOf(operation: KnownOperation): Promise<RouteHandler> {
  const file = routeFileOf(operation.path);
  const routes = (await import(/* @vite-ignore */ `../../../app/api/v1/${file}`)) as Record<
    string,
    RouteHandler
  >;
  const handler = routes[operation.method];
  if (!handler) {
    throw new Error(`${file} has no ${operation.method}`);
  }

  return handler;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by schema or by expectation
type Json = any;

/** Calls an operation and reads its answer whole. */
export async function callApi<Body = Json>(
  operation: KnownOperation,
  call: Call = {},
): Promise<Answer<Body>> {
  const handler = await handlerOf(operation);
  const response = await handler(requestOf(operation, call), { params: Promise.resolve(call.params ?? {}) });
  const text = await response.text();
  const isJson = /^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "");

  return {
    status: response.status,
    body: (isJson && text !== "" ? JSON.parse(text) : undefined) as Body,
    headers: response.headers,
    text,
  };
}

/** A selection of the sandbox's Key Protect that passes all permission checks. */
export function keyManagerOf(house: House) {
  const { keyProtect, manager } = house.cloud.credentials;

  return {
    kind: "key-protect" as const,
    apiKey: manager.apiKey,
    crn: keyProtect.crn,
    crkId: keyProtect.rootKeys[0]?.id ?? "",
  };
}
