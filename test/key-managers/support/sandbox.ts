import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type IamToken, withToken } from "@/lib/ibm-cloud/iam";
import { createIbmCloud, type IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { Secret } from "@/lib/ibm-cloud/secret";
import { hpcsService } from "@/lib/key-managers/hpcs/service";
import { createIbmKeyManager } from "@/lib/key-managers/ibm-services/service";
import type { KeyProtect } from "@/lib/key-managers/key-protect/adapter";
import { keyProtectService } from "@/lib/key-managers/key-protect/service";
import { createSandbox, type Middleware, type Sandbox, type SandboxCredentials } from "@/sandbox";

/** A sandbox for a test file, and shortcuts to what is in it. */
export type TestCloud = {
  readonly sandbox: Sandbox;
  readonly credentials: SandboxCredentials;
  readonly cloud: IbmCloud;
  /** Faults for the next requests; null for none. Reset it at the end of a test. */
  fault: Middleware | null;
  /** A key manager adapter with a service ID's API key. */
  connect(kind: "key-protect" | "hpcs", apiKey?: string, cloud?: IbmCloud): KeyProtect;
  /** Clients with an empty token cache. */
  freshCloud(): IbmCloud;
  /** A request to a key manager's API beside the adapter, as an administrator of the account would make it. */
  administer(
    kind: "key-protect" | "hpcs",
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string> },
  ): Promise<{ status: number; json: { resources?: { id: string }[] } | null }>;
};

export const call = { correlationId: "11111111-2222-4333-8444-555555555555" };

/**
 * Starts a sandbox before the tests of a file and ends it after them. The result is filled in by then.
 * @param port at which it listens; any that is free without it
 */
export function sandboxForTests(port = 0): TestCloud {
  const test = { fault: null } as TestCloud;
  let dataDir = "";
  const set = (values: Partial<TestCloud>) => Object.assign(test, values);

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "kmip-console-sandbox-"));
    const sandbox = await createSandbox({
      dataDir,
      host: "127.0.0.1",
      port,
      middleware: [(request, next) => (test.fault ? test.fault(request, next) : next())],
    });
    const freshCloud = () =>
      createIbmCloud({ iamUrl: sandbox.url, resourceControllerUrl: sandbox.url, endpointType: "private" });
    set({ sandbox, credentials: sandbox.credentials(), cloud: freshCloud(), freshCloud });
  });

  afterAll(async () => {
    await test.sandbox?.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const endpointOf = (kind: "key-protect" | "hpcs") =>
    kind === "hpcs"
      ? `${test.sandbox.url}/hpcs/${test.credentials.hpcs.guid}`
      : `${test.sandbox.url}/key-protect/us-south`;
  const guidOf = (kind: "key-protect" | "hpcs") =>
    kind === "hpcs" ? test.credentials.hpcs.guid : test.credentials.keyProtect.guid;

  set({
    connect(kind, apiKey = test.credentials.manager.apiKey, cloud = test.cloud) {
      return createIbmKeyManager(kind === "hpcs" ? hpcsService : keyProtectService, {
        endpoint: endpointOf(kind),
        instanceGuid: guidOf(kind),
        tokenSource: cloud.iam.tokenSource(new Secret(apiKey)),
        backoffMs: 1,
      });
    },
    async administer(kind, method, path, options = {}) {
      const source = test.cloud.iam.tokenSource(new Secret(test.credentials.manager.apiKey));

      return withToken(source, call, async (token: IamToken) => {
        const response = await fetch(`${endpointOf(kind)}/api/v2${path}`, {
          method,
          headers: {
            Authorization: `Bearer ${token.value.reveal()}`,
            "Bluemix-Instance": guidOf(kind),
            "Content-Type": "application/json",
            ...options.headers,
          },
          ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        });
        const text = await response.text();

        return { status: response.status, json: text === "" ? null : JSON.parse(text) };
      });
    },
  });

  return test;
}

/** Creates a root key of the test's own. */
export async function makeRootKey(
  test: TestCloud,
  name: string,
  options: { kind?: "key-protect" | "hpcs"; keyRing?: string; expirationDate?: string } = {},
): Promise<string> {
  const { status, json } = await test.administer(options.kind ?? "key-protect", "POST", "/keys", {
    headers: options.keyRing ? { "X-Kms-Key-Ring": options.keyRing } : {},
    body: {
      metadata: { collectionType: "application/vnd.ibm.kms.key+json", collectionTotal: 1 },
      resources: [
        {
          type: "application/vnd.ibm.kms.key+json",
          name,
          extractable: false,
          ...(options.expirationDate ? { expirationDate: options.expirationDate } : {}),
        },
      ],
    },
  });
  const id = json?.resources?.[0]?.id;

  if (status !== 201 || id === undefined) {
    throw new Error(`The root key was not made (${status}).`);
  }

  return id;
}
