import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { POST as unknownPath } from "@/app/api/v1/[...path]/route";
import * as instanceRoute from "@/app/api/v1/instances/[id]/route";
import { problem } from "@/lib/api/contract/common";
import type { KnownOperation } from "@/lib/api/handlers";
import * as operations from "@/lib/api/operations";
import { createSelfSigned } from "@/test/support/certificates";
import { type Call, callApi, houseForTests, keyManagerOf, ORIGIN } from "./support/house";

const house = houseForTests();
let id = "";

beforeAll(async () => {
  const { body } = await callApi(operations.createInstance, {
    token: house.a.tokens.administrator,
    body: { name: "target", region: "us-south" },
  });
  id = body.id;
});

/** Calls as an administrator and expects a problem document with this code. */
async function refused(operation: KnownOperation, call: Call, status: number, code: string) {
  const answer = await callApi(operation, { token: house.a.tokens.administrator, ...call });
  expect({ status: answer.status, code: answer.body?.code }, answer.text).toEqual({ status, code });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(problem.parse(answer.body).requestId).toBe(answer.headers.get("x-request-id"));
  expect(answer.text).not.toMatch(/prisma|postgres|node_modules|SELECT|ZodError/i);

  return answer;
}

describe("bodies", () => {
  const operation = operations.createInstance;

  it("that are no JSON are refused, and nothing of them comes back", async () => {
    for (const rawBody of [
      "",
      "{",
      "secret-value",
      "{'a':1}",
      '{"name":"secret-value"',
      new Uint8Array([0x22, 0xff, 0x22]),
    ]) {
      const { text } = await refused(operation, { rawBody }, 400, "MALFORMED_BODY");
      expect(text).not.toContain("secret-value");
    }
  });

  it("of another media type are refused", async () => {
    for (const type of [
      "",
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/jsonx",
    ]) {
      await refused(
        operation,
        { rawBody: "{}", headers: { "content-type": type } },
        415,
        "UNSUPPORTED_MEDIA_TYPE",
      );
    }
  });

  it("are limited in size, whether they say how large they are or not", async () => {
    await refused(operation, { rawBody: `"${"x".repeat(300_000)}"` }, 413, "BODY_TOO_LARGE");
    await refused(
      operation,
      { rawBody: "{}", headers: { "content-length": "999999999" } },
      413,
      "BODY_TOO_LARGE",
    );

    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    await refused(operation, { rawBody: endless }, 413, "BODY_TOO_LARGE");
    expect(sent).toBeLessThan(10);
  });

  it("of the wrong shape say which values do not fit", async () => {
    for (const body of [null, 1, "x", [], {}, { name: 1 }, { name: "x", region: "US South" }]) {
      const { body: answer } = await refused(operation, { body }, 400, "VALIDATION_FAILED");
      expect(answer.invalidParams.length).toBeGreaterThan(0);
    }
    const { body } = await refused(
      operation,
      { body: { name: "x", region: "r", clientCertificates: [{ name: "c" }] } },
      400,
      "VALIDATION_FAILED",
    );
    expect(body.invalidParams).toMatchObject([{ name: "clientCertificates.0.pem" }]);
  });

  it("that make a token expire in the past, or twice, make none", async () => {
    const token = { name: "x", role: "viewer" };
    const future = new Date(Date.now() + 60_000).toISOString();
    for (const expiry of [
      { expiresAt: "2020-01-01T00:00:00Z" },
      { expiresAt: "tomorrow" },
      { expiresAt: future, expiresInDays: 1 },
      { expiresInDays: 0 },
    ]) {
      await refused(operations.createToken, { body: { ...token, ...expiry } }, 400, "VALIDATION_FAILED");
    }
    expect(await house.database.prisma.apiToken.count({ where: { name: "x" } })).toBe(0);
  });

  it("with deep nesting, NUL, half surrogates and prototype keys do no harm", async () => {
    await refused(
      operation,
      { rawBody: "[".repeat(120_000) + "]".repeat(120_000) },
      400,
      "VALIDATION_FAILED",
    );
    await refused(operation, { body: { name: "a\u0000b", region: "r" } }, 400, "VALIDATION_FAILED");
    await refused(
      operation,
      { rawBody: '{"name":"x","region":"r","resourceGroup":"\\ud800"}' },
      400,
      "VALIDATION_FAILED",
    );
    await refused(operation, { rawBody: '{"x\\u0000":1}' }, 400, "VALIDATION_FAILED");
    await refused(
      operation,
      { rawBody: '{"__proto__":{"name":"x"},"region":"r"}' },
      400,
      "VALIDATION_FAILED",
    );
    expect(({} as { name?: string }).name).toBeUndefined();
  });

  it("may hold any other Unicode", async () => {
    const name = "实例 🔑 ' \" ; DROP TABLE instance; -- %s <script>";
    const { status, body } = await callApi(operation, {
      token: house.a.tokens.administrator,
      body: { name, region: "us-south" },
    });
    expect({ status, name: body.name }).toEqual({ status: 202, name });
  });
});

describe("paths and queries", () => {
  const bad = [
    "x",
    "0",
    "..",
    "%00",
    "\u0000",
    "' OR 1=1",
    "00000000-0000-0000-0000-00000000000g",
    "x".repeat(5_000),
  ];

  it("with ids that cannot be are 404", async () => {
    for (const value of bad) {
      await refused(operations.getInstance, { params: { id: value } }, 404, "NOT_FOUND");
      await refused(operations.deleteMember, { params: { userId: value } }, 404, "NOT_FOUND");
      await refused(operations.getKek, { params: { id, uniqueIdentifier: value } }, 404, "NOT_FOUND");
      await refused(
        operations.getClientCertificate,
        { params: { id, certificateId: value } },
        404,
        "NOT_FOUND",
      );
    }
  });

  it("with queries that do not fit are 400", async () => {
    for (const query of [
      { limit: "0" },
      { limit: "201" },
      { limit: "x" },
      { limit: "1e9" },
      { status: "x" },
      { search: "\u0000" },
    ] as Record<string, string>[]) {
      await refused(operations.listInstances, { query }, 400, "VALIDATION_FAILED");
    }
    await refused(operations.listAuditEvents, { query: { from: "yesterday" } }, 400, "VALIDATION_FAILED");
    await refused(
      operations.listKeks,
      { params: { id }, query: { sort: "secret" } },
      400,
      "VALIDATION_FAILED",
    );
  });

  it("with cursors that no list gave out are 400", async () => {
    const cursors = [
      "x",
      "W10",
      "WzFd",
      "eyJhIjoxfQ",
      Buffer.from('["not-a-uuid"]').toString("base64url"),
      "=",
      "x".repeat(1_000),
    ];
    const lists: [KnownOperation, Record<string, string>][] = [
      [operations.listInstances, {}],
      [operations.listClientCertificates, { id }],
      [operations.listPermissionChecks, { id }],
      [operations.listKeks, { id }],
      [operations.listAuditEvents, {}],
      [operations.listMembers, {}],
      [operations.listTokens, {}],
    ];
    for (const [operation, params] of lists) {
      for (const cursor of cursors) {
        await refused(operation, { params, query: { cursor } }, 400, "INVALID_CURSOR");
      }
      await refused(operation, { params, query: { cursor: "x".repeat(2_000) } }, 400, "VALIDATION_FAILED");
    }
  });

  it("that nobody serves are 404, and other methods 405", async () => {
    const request = new Request(`${ORIGIN}/api/v1/nothing`, { method: "POST" });
    const response = await unknownPath(request, { params: Promise.resolve({}) });
    expect(response.status).toBe(404);
    expect(problem.parse(await response.json()).code).toBe("NOT_FOUND");

    const put = await instanceRoute.PUT(new Request(`${ORIGIN}/api/v1/instances/x`, { method: "PUT" }), {
      params: Promise.resolve({}),
    });
    expect(put.status).toBe(405);
    expect(put.headers.get("allow")).toBe("GET, PATCH, DELETE");
    expect(problem.parse(await put.json()).code).toBe("METHOD_NOT_ALLOWED");
  });
});

describe("credentials in other forms", () => {
  it("are 401", async () => {
    for (const authorization of [
      "",
      "Bearer",
      "Bearer ",
      "Basic YTpi",
      "Bearer a b",
      house.a.tokens.viewer,
    ]) {
      await refused(operations.getMe, { token: "x", headers: { authorization } }, 401, "UNAUTHENTICATED");
    }
    const { body } = await callApi(operations.getMe);
    expect(body.code).toBe("UNAUTHENTICATED");
  });
});

describe("private keys", () => {
  it("are refused wherever a certificate is expected, and kept nowhere", async () => {
    const { certPem, keyPem } = await createSelfSigned({ commonName: "leaky.example.com" });
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const der = privateKey.export({ type: "pkcs8", format: "der" }).toString("base64");
    const logged: string[] = [];
    const spies = [process.stdout, process.stderr].map((stream) =>
      vi.spyOn(stream, "write").mockImplementation((chunk) => {
        logged.push(String(chunk));

        return true;
      }),
    );
    const answers: string[] = [];
    try {
      for (const pem of [certPem + keyPem, keyPem, der]) {
        const calls: [KnownOperation, Call][] = [
          [operations.previewClientCertificates, { body: { pem } }],
          [operations.createClientCertificate, { params: { id }, body: { name: "leaky", pem } }],
          [operations.signClientCertificate, { params: { id }, body: { name: "leaky", csrPem: pem } }],
          [
            operations.createInstance,
            { body: { name: "leaky", region: "r", clientCertificates: [{ name: "leaky", pem }] } },
          ],
        ];
        for (const [operation, call] of calls) {
          answers.push((await refused(operation, call, 422, "PRIVATE_KEY_REFUSED")).text);
        }
      }
    } finally {
      for (const spy of spies) {
        spy.mockRestore();
      }
    }

    const { rows } = await house.database.pool.query("SELECT a.event FROM audit_event a");
    const everything = [answers.join("\n"), logged.join("\n"), JSON.stringify(rows)].join("\n");
    for (const secret of [der.slice(200, 260), keyPem.split("\n")[2] ?? "?"]) {
      expect(everything).not.toContain(secret);
    }
    expect(await house.database.prisma.instance.count({ where: { name: "leaky" } })).toBe(0);
    expect(await house.database.prisma.clientCertificate.count({ where: { name: "leaky" } })).toBe(0);
  });
});

describe("API keys of service IDs", () => {
  it("stand in no answer, no audit event and no column", async () => {
    const selection = keyManagerOf(house);
    const token = house.a.tokens.administrator;
    const made = await callApi(operations.createInstance, {
      token,
      body: { name: "sealed", region: "us-south", keyManager: selection },
    });
    const wrong = await callApi(operations.createInstance, {
      token,
      body: { name: "wrong", region: "us-south", keyManager: { ...selection, crkId: "unknown" } },
    });
    const patched = await callApi(operations.updateInstance, {
      token,
      params: { id: made.body.id },
      body: { apiKey: selection.apiKey },
    });
    expect([made.status, wrong.status, patched.status]).toEqual([202, 422, 200]);

    const tables = await house.database.pool.query<{ table_name: string }>(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    );
    let dump = [made, wrong, patched].map(({ text }) => text).join("\n");
    for (const { table_name } of tables.rows) {
      const { rows } = await house.database.pool.query<{ t: string }>(
        `SELECT t::text AS t FROM "${table_name}" t`,
      );
      dump += rows.map(({ t }) => t).join("\n");
    }
    for (const form of ["utf8", "hex", "base64"] as const) {
      expect(dump).not.toContain(Buffer.from(selection.apiKey).toString(form));
    }
  });
});

describe("trouble of our own", () => {
  it("with the database is 503 or 500 without its words", async () => {
    const { prisma } = house.database;
    const broken = vi.spyOn(prisma.instance, "findMany").mockImplementation((() => {
      throw Object.assign(new Error("connect ECONNREFUSED 10.1.2.3:5432"), { code: "ECONNREFUSED" });
    }) as never);
    const away = await refused(operations.listInstances, {}, 503, "DATABASE_UNAVAILABLE");
    expect(away.text).not.toContain("10.1.2.3");
    broken.mockImplementation((() => {
      throw new Error("password authentication failed for user kmip");
    }) as never);
    const failed = await refused(operations.listInstances, {}, 500, "INTERNAL");
    expect(failed.text).not.toContain("password");
    broken.mockRestore();
  });
});
