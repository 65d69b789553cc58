import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apiClient, type Product, type SandboxAccess, startProduct } from "../support/product";
import type { ClientsOrder, ClientsReport, ThrottleReport } from "./storm/messages";
import { type Api, type OrderedInstance, orderInstance } from "./support";

/**
 * The boot storm after a power cut: every host connects and Gets its key, while the key manager takes few requests.
 */
const KEKS = 40;
const CONNECTIONS = 2_000;
const WITHIN_MS = 40_000;
const CLIENT_PROCESSES = 2;
const REQUESTS_A_SECOND = 50;
const LATENCY_MS = 30;

function run(file: string, ...args: string[]): ChildProcess {
  return fork(fileURLToPath(new URL(`./storm/${file}.ts`, import.meta.url)), args, {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
}

async function messageOf<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, "message")) as [T];

  return message;
}

let folder = "";
let sandbox: ChildProcess;
let product: Product;
let api: Api;
let instance: OrderedInstance;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kmip-console-storm-"));
  sandbox = run("throttled-sandbox", folder, String(REQUESTS_A_SECOND), String(LATENCY_MS));

  const { url, credentials } = await messageOf<{ url: string; credentials: SandboxAccess }>(sandbox);

  product = await startProduct({
    SANDBOX_PORT: "off",
    IBM_CLOUD_IAM_URL: url,
    IBM_CLOUD_RESOURCE_CONTROLLER_URL: url,
  });
  api = await apiClient(product);
  // Longer than the storm, so that it is one period.
  instance = await orderInstance(
    { product: { ...product, pid: product.process.pid ?? 0 }, access: credentials, api },
    { cachePolicy: { cacheTtlSeconds: 300, outageGraceSeconds: 0 } },
  );
});

afterAll(async () => {
  await product?.destroy();

  if (sandbox?.connected) {
    sandbox.disconnect();
    await once(sandbox, "exit");
  }

  await rm(folder, { recursive: true, force: true });
});

describe(`${CONNECTIONS} connections that each Get one of ${KEKS} KEKs, at a key manager throttled to ${REQUESTS_A_SECOND} requests a second`, () => {
  it("are all served, with one read and one unwrap per KEK and endpoint", { timeout: 600_000 }, async () => {
    const creator = instance.client();
    const keks: { identifier: string; digest: string }[] = [];

    for (let made = 0; made < KEKS; made += 1) {
      const identifier = await creator.create();
      const { material } = await creator.get(identifier);

      keks.push({ identifier, digest: createHash("sha256").update(material).digest("hex") });
    }

    creator.close();

    // After a changed policy both endpoints ask again before they use what they remember.
    const { status } = await api("PATCH", `/instances/${instance.id}`, {
      cachePolicy: { cacheTtlSeconds: 240, outageGraceSeconds: 0 },
    });

    expect(status).toBe(200);
    await sleep(1_500);
    sandbox.send({ type: "throttle" });

    const reports = await Promise.all(
      Array.from({ length: CLIENT_PROCESSES }, async () => {
        const clients = run("clients");

        clients.send({
          endpoints: product.kmip,
          certificate: instance.certificate.certPem,
          key: instance.certificate.keyPem,
          keks,
          connections: CONNECTIONS / CLIENT_PROCESSES,
          withinMs: WITHIN_MS,
        } satisfies ClientsOrder);

        return messageOf<ClientsReport>(clients);
      }),
    );

    expect(reports.flatMap(({ failures }) => failures).slice(0, 3)).toEqual([]);
    expect(reports.reduce((sum, { served }) => sum + served, 0)).toBe(CONNECTIONS);
    expect(reports.reduce((sum, { open }) => sum + open, 0)).toBe(CONNECTIONS);

    sandbox.send({ type: "report" });

    const { refused, tokens, reads, unwraps } = await messageOf<ThrottleReport>(sandbox);

    // The limit was felt.
    expect(refused).toBeGreaterThan(0);

    for (const { identifier } of keks) {
      expect(unwraps[identifier], identifier).toBe(product.kmip.length);
    }

    expect(Object.values(reads)).toEqual(Array(KEKS).fill(product.kmip.length));
    // A token is fetched once for all who wait for it: by each endpoint, the console and the worker.
    expect(tokens).toBeLessThanOrEqual(product.kmip.length + 2);
  });
});
