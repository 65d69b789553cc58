/** Two KMIP endpoints on one database, each with the certificate of its zone, that tests may stop and replace. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { createAuditWriter, type HashChainWriter } from "@/lib/audit/writer";
import { setAuditWriter } from "@/lib/core/audit";
import { ensureTlsIdentities, joinPem, loadTlsIdentity } from "@/lib/core/endpoints";
import { createKmipPorts, type KmipPorts } from "@/lib/core/keks";
import { ensureMasterKey } from "@/lib/core/secrets";
import { env, serverCertificateHosts } from "@/lib/env";
import { createKmipEngine } from "@/lib/kmip/engine/engine";
import type { TenantDirectory } from "@/lib/kmip/ports";
import { createKmipServer, type KmipServer, type ServerTls } from "@/lib/kmip/transport/server";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";
import { addAccount, addInstance, recordingLogger } from "@/test/support/kek-fixtures";
import { freePorts } from "@/test/support/product";

export type Zone = 1 | 2;

export type Deployment = {
  readonly test: TestDatabase;
  readonly accountId: string;
  readonly hosts: { readonly listen: string; readonly port: (zone: Zone) => number };
  /** The ports behind both endpoints. */
  readonly ports: KmipPorts;
  readonly writer: HashChainWriter;
  /** The zone's own certificate and key. */
  tls(zone: Zone): Promise<ServerTls>;
  server(zone: Zone): KmipServer;
  /** Stops a zone's endpoint until the end of the test. */
  stop(zone: Zone): Promise<void>;
  /** Puts something else in the place of a zone's endpoint until the end of the test. */
  replace(zone: Zone, server: Server): Promise<void>;
  /** A KMIP endpoint in the place of a zone's, with other certificates or tenants. */
  replaceKmip(zone: Zone, options: { tls?: ServerTls; tenants?: TenantDirectory }): Promise<void>;
  instance(status?: "installed" | "attention" | "removing"): Promise<string>;
};

/**
 * Prepares the environment of the test file, and the deployment before its tests.
 * @param environment further variables, e.g. KMIP_PUBLIC_HOST
 */
export async function deploymentForTests(environment: { [name: string]: string } = {}): Promise<Deployment> {
  const dataDir = mkdtempSync(join(tmpdir(), "kmip-console-endpoints-"));
  const [first = 0, second = 0] = await freePorts(2);
  const portOf = (zone: Zone) => (zone === 1 ? first : second);
  const logger = recordingLogger();
  const servers = new Map<Zone, KmipServer>();
  const cleanups: (() => Promise<void>)[] = [];
  const deployment = {
    hosts: { listen: "127.0.0.1", port: portOf },
  } as { -readonly [Key in keyof Deployment]: Deployment[Key] };

  // Before anything asks for the environment: it is read once.
  Object.assign(process.env, {
    DATA_DIR: dataDir,
    KMIP_PORTS: `${first},${second}`,
    KMIP_HOST: "127.0.0.1",
    LOG_LEVEL: "fatal",
    ...environment,
  });

  async function open(zone: Zone, options: { tls?: ServerTls; tenants?: TenantDirectory } = {}) {
    const { ports } = deployment;
    const server = createKmipServer({
      host: "127.0.0.1",
      port: portOf(zone),
      tls: options.tls ?? (await deployment.tls(zone)),
      engine: createKmipEngine({ store: ports.store, audit: ports.audit, logger }),
      tenants: options.tenants ?? ports.tenants,
      logger,
    });
    await server.listen();
    servers.set(zone, server);
  }

  async function stop(zone: Zone) {
    await servers.get(zone)?.close({ timeoutMs: 500 });
    servers.delete(zone);
  }

  Object.assign(deployment, {
    async tls(zone) {
      const { certificatePem, privateKeyPem, authorityPem } = await loadTlsIdentity(zone, "ec");

      return { cert: joinPem(certificatePem, authorityPem), key: privateKeyPem };
    },
    server(zone) {
      const server = servers.get(zone);
      if (server === undefined) {
        throw new Error(`zone ${zone} is stopped`);
      }

      return server;
    },
    async stop(zone) {
      await stop(zone);
      cleanups.push(() => open(zone));
    },
    async replace(zone, server) {
      await stop(zone);
      const sockets = new Set<Socket>();
      server.on("connection", (socket) => sockets.add(socket));
      await new Promise<AddressInfo | string | null>((resolve) =>
        server.listen(portOf(zone), "127.0.0.1", () => resolve(server.address())),
      );
      cleanups.push(async () => {
        const closed = new Promise((resolve) => server.close(resolve));
        for (const socket of sockets) {
          socket.destroy();
        }
        await closed;
        await open(zone);
      });
    },
    async replaceKmip(zone, options) {
      await stop(zone);
      await open(zone, options);
      cleanups.push(async () => {
        await stop(zone);
        await open(zone);
      });
    },
    async instance(status = "installed") {
      const { test, accountId } = deployment;

      return (await addInstance(test.database, accountId, { crkId: "crk", status })).instanceId;
    },
  } satisfies Partial<Deployment>);

  beforeAll(async () => {
    ensureMasterKey(env().masterKeyFile);
    deployment.test = await createTestDatabase();
    deployment.accountId = await addAccount(deployment.test.database);
    await ensureTlsIdentities({ hosts: serverCertificateHosts(env()), zones: [1, 2] });
    deployment.writer = createAuditWriter({ pool: deployment.test.database.pool, node: "endpoints" });
    setAuditWriter(deployment.writer);
    deployment.ports = createKmipPorts({
      database: deployment.test.database,
      sink: deployment.writer,
      logger,
    });
    await deployment.ports.ready;
    await open(1);
    await open(2);
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) {
      await cleanup();
    }
  });

  afterAll(async () => {
    for (const zone of [1, 2] as const) {
      await stop(zone);
    }
    await deployment.ports.close();
    await deployment.writer.close();
    setAuditWriter(null);
    await deployment.test.drop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  return deployment;
}
