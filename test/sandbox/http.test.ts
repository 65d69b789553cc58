import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";

import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";

import { createSandbox, type SandboxLogger } from "../../sandbox/index";
import { kmsClient, newKey, startSandbox, temporaryDir } from "./support/harness";

/** Sends raw bytes and gives back all that comes until the server ends the connection. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      answer += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

test("unknown paths and methods are answered in the form of the service they belong to", async () => {
  const sandbox = await startSandbox();
  const status = async (method: string, path: string) => {
    const response = await fetch(`${sandbox.url}${path}`, { method });
    return [response.status, Object.keys((await response.json()) as object)];
  };

  expect(await status("GET", "/nothing")).toEqual([404, ["errors", "status_code"]]);
  expect(await status("GET", "/")).toEqual([404, ["errors", "status_code"]]);
  expect(await status("GET", "/%E0%A4%A")).toEqual([404, ["errors", "status_code"]]);
  expect(await status("GET", "/identity/token")).toEqual([405, ["errors", "status_code"]]);
  expect(await status("GET", "/key-protect/us-south/api/v3/keys")).toEqual([404, ["metadata", "resources"]]);
  expect(await status("PUT", "/key-protect/us-south/api/v2/keys")).toEqual([405, ["metadata", "resources"]]);
  expect(await status("GET", "/v2/resource_instances/a/b")).toEqual([
    404,
    ["errors", "error_code", "message", "status_code"],
  ]);
});

test("a body that is too large is refused with 413, and the sandbox goes on", async () => {
  const sandbox = await startSandbox();
  const kms = await kmsClient(sandbox);

  const declared = await raw(
    sandbox.port,
    `POST /key-protect/us-south/api/v2/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n${"x".repeat(270_000)}`,
  );

  expect(declared).toMatch(/^HTTP\/1.1 413 /);
  expect(declared).toContain("application/vnd.ibm.kms.error+json");
  expect((await kms("GET", "/keys")).status).toBe(200);
});

test("no request, however odd, breaks it", async () => {
  const sandbox = await startSandbox();
  const kms = await kmsClient(sandbox);
  const id = sandbox.credentials().keyProtect.rootKeys[0]?.id;
  const paths = [
    "/keys",
    `/keys/${id}/actions/wrap`,
    `/keys/${id}/actions/unwrap`,
    `/keys/${id}/policies`,
    "/instance/policies",
  ];

  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.constantFrom("POST", "PUT", "PATCH", "DELETE"),
      fc.oneof(
        fc.json(),
        fc.string({ minLength: 1 }),
        fc
          .json()
          .map((json) => `{"metadata":{"collectionType":"x","collectionTotal":1},"resources":[${json}]}`),
      ),
      async (path, method, body) => {
        const answer = await kms(method, path, { body });
        expect(answer.status).toBeLessThan(500);
      },
    ),
    { numRuns: 300 },
  );
});

test("logs one line a request, with the route and without anything secret", async () => {
  const lines: string[] = [];
  const log = (...values: unknown[]) => {
    lines.push(JSON.stringify(values));
  };
  const logger = { debug: log, info: log, warn: log, error: log } as SandboxLogger;
  const sandbox = await startSandbox({ logger });
  const kms = await kmsClient(sandbox);
  const payload = Buffer.from("a KEK that no log may hold").toString("base64");

  await kms("POST", "/keys", { body: newKey({ name: "logged", extractable: true, payload }) });
  await kms("GET", "/keys?search=secret-search");
  await fetch(`${sandbox.url}/nothing/secret-path?apikey=secret-query`);

  const requests = lines.filter((line) => line.includes('"request"'));
  expect(requests).toHaveLength(4);
  expect(requests[1]).toContain('"route":"/keys"');
  const { manager, viewerOnly } = sandbox.credentials();
  const all = lines.join("\n");
  for (const secret of [payload, manager.apiKey, viewerOnly.apiKey, "secret-", "Bearer"]) {
    expect(all).not.toContain(secret);
  }
});

test("middleware can delay, replace and fail answers", async () => {
  const sandbox = await startSandbox({
    middleware: [
      async (request, next) => {
        if (request.query.has("limited")) {
          return { status: 429, headers: { "retry-after": "1" } };
        }
        if (request.query.has("broken")) {
          throw new Error("fault");
        }
        return next();
      },
    ],
  });
  const kms = await kmsClient(sandbox);

  const limited = await kms("GET", "/keys?limited=1");
  expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "1"]);
  expect((await kms("GET", "/keys?broken=1")).status).toBe(500);
  expect((await kms("GET", "/keys")).status).toBe(200);
});

test("a port in use is said plainly, and the folder is free again", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const dataDir = await temporaryDir();

  await expect(createSandbox({ dataDir, host: "127.0.0.1", port })).rejects.toMatchObject({
    code: "EADDRINUSE",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });

  await expect(startSandbox({ dataDir })).resolves.toBeDefined();
});

test("closing lets running requests end and ends idle connections", async () => {
  let started: () => void = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const sandbox = await startSandbox({
    middleware: [
      async (request, next) => {
        if (!request.query.has("slow")) {
          return next();
        }
        started();
        await held;
        return next();
      },
    ],
  });
  const kms = await kmsClient(sandbox);

  const slow = kms("GET", "/keys?slow=1");
  await running;
  const closing = sandbox.close();
  release();

  expect((await slow).status).toBe(200);
  await closing;
  await expect(fetch(sandbox.url)).rejects.toThrow();
  await expect(sandbox.close()).resolves.toBeUndefined();
});

test("the public base URL is the one in endpoints and credentials", async () => {
  const sandbox = await startSandbox({ publicBaseUrl: "http://sandbox.example:3080/" });

  expect(sandbox.credentials().iamUrl).toBe("http://sandbox.example:3080");
});
