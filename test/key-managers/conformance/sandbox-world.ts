import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIamClient, withToken } from "@/lib/ibm-cloud/iam";
import { Secret } from "@/lib/ibm-cloud/secret";
import { createHpcs } from "@/lib/key-managers/hpcs/adapter";
import type { KeyManager } from "@/lib/key-managers/key-manager";
import { createKeyProtect } from "@/lib/key-managers/key-protect/adapter";
import { createSandbox, type Middleware, type SandboxResponse } from "@/sandbox";
import { startTcpProxy } from "../support/tcp-proxy";
import type { KeyManagerWorld, Trouble } from "./world";

const ENVELOPE = { collectionType: "application/vnd.ibm.kms.key+json", collectionTotal: 1 };
const SIGN_IN_PAGE =
  "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\nConnection: close\r\n\r\n<html>sign in</html>";

/** Trouble that the service itself answers; the rest happens on the wire. */
function answerOf(kind: Trouble, count: number): SandboxResponse | null {
  switch (kind) {
    case "throttled":
      return { status: 429 };
    case "throttledFor120Seconds":
      return { status: 429, headers: { "retry-after": "120" } };
    case "throttledTwice":
      return count <= 2 ? { status: 429, headers: { "retry-after": "0" } } : null;
    case "broken":
      return { status: count % 2 === 0 ? 500 : 503 };
    case "empty":
      return { status: 200, body: { metadata: { collectionTotal: 0 } } };
    default:
      return null;
  }
}

/** Key Protect or HPCS as the sandbox serves them, with faults in its middleware and on the wire before it. */
export async function makeSandboxWorld(kind: "key-protect" | "hpcs"): Promise<KeyManagerWorld> {
  const dataDir = await mkdtemp(join(tmpdir(), "kmip-console-conformance-"));
  let fault: Middleware | null = null;
  const sandbox = await createSandbox({
    dataDir,
    host: "127.0.0.1",
    port: 0,
    // Only what the adapter asks: the administrator below is not in trouble.
    middleware: [
      (request, next) =>
        fault !== null && request.headers["user-agent"] === "kmip-console" && request.segments[2] === "api"
          ? fault(request, next)
          : next(),
    ],
  });
  const proxy = await startTcpProxy(sandbox.port);
  const credentials = sandbox.credentials();
  const { guid } = kind === "hpcs" ? credentials.hpcs : credentials.keyProtect;
  const path = kind === "hpcs" ? `/hpcs/${guid}` : "/key-protect/us-south";
  const adminTokens = createIamClient({ url: sandbox.url }).tokenSource(
    new Secret(credentials.manager.apiKey),
  );

  async function administer(method: string, below: string, body?: unknown): Promise<string> {
    return withToken(adminTokens, { correlationId: randomUUID() }, async (token) => {
      const response = await fetch(`${sandbox.url}${path}/api/v2${below}`, {
        method,
        headers: { Authorization: `Bearer ${token.value.reveal()}`, "Bluemix-Instance": guid },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });

      if (!response.ok) {
        throw new Error(`${method} ${below} was answered ${response.status}.`);
      }

      return response.text();
    });
  }

  function connect(apiKey: string): KeyManager {
    const create = kind === "hpcs" ? createHpcs : createKeyProtect;

    return create({
      endpoint: `http://127.0.0.1:${proxy.port}${path}`,
      instanceGuid: guid,
      tokenSource: createIamClient({ url: sandbox.url }).tokenSource(new Secret(apiKey)),
      backoffMs: 1,
    });
  }

  const setRoles = (roles: readonly ("Viewer" | "Manager")[]) =>
    sandbox.control.setRoles({ serviceId: credentials.manager.serviceId, instanceGuid: guid, roles });

  async function heal(): Promise<void> {
    fault = null;
    proxy.setMode("pass");
  }

  return {
    connect: () => connect(credentials.manager.apiKey),
    connectAsStranger: () => connect(`unknown-${randomUUID()}`),

    async makeRootKey(name) {
      const resource = { type: ENVELOPE.collectionType, name, extractable: false };
      const answer = JSON.parse(
        await administer("POST", "/keys", { metadata: ENVELOPE, resources: [resource] }),
      );

      return answer.resources[0].id;
    },
    async rotateRootKey(id) {
      await administer("POST", `/keys/${id}/actions/rotate`);
    },
    async disableRootKey(id) {
      await administer("POST", `/keys/${id}/actions/disable`);
    },
    async enableRootKey(id) {
      await administer("POST", `/keys/${id}/actions/enable`);
    },
    async destroyRootKey(id) {
      await administer("DELETE", `/keys/${id}`);
    },
    async deleteStandardKey(id) {
      await administer("DELETE", `/keys/${id}`);
    },

    withdrawPermission: () => setRoles(["Viewer"]),
    grantPermission: () => setRoles(["Viewer", "Manager"]),

    async trouble(trouble) {
      let count = 0;
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });

      fault = async (_request, next) => {
        count += 1;

        if (trouble === "silent") {
          await released;
        }

        return answerOf(trouble, count) ?? next();
      };

      if (trouble === "unreachable") {
        proxy.setMode("cut");
      } else if (trouble === "foreign") {
        proxy.setMode({ answer: SIGN_IN_PAGE });
      }

      return async () => {
        release();
        await heal();
      };
    },

    async interruptAt(wanted, when) {
      let count = 0;

      fault = async (_request, next) => {
        count += 1;

        if (count < wanted) {
          return next();
        }

        if (count === wanted && when === "after") {
          await next();
        }

        proxy.setMode("cut");

        return { status: 503 };
      };

      return { reached: () => count >= wanted, end: heal };
    },

    async close() {
      await proxy.close();
      await sandbox.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
