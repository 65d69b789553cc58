/** Two KMIP endpoints on one database, each with the certificate of its zone, that tests may stop and replace. */
import type { AddressInfo, Server, Socket } from "node:net";
import { afterAll, afterEach, beforeAll } from "vitest";
import { createAuditWriter, type HashChainWriter } from "@/lib/audit/writer";
import { setAuditWriter } from "@/lib/core/audit";
import { ensureTlsIdentities, joinPem, loadTlsIdentity } from "@/lib/core/endpoints";
import { createKmipPorts, type KmipPorts } from "@/lib/core/serving";
import { env, serverCertificateHosts } from "@/lib/env";
import type { TenantDirectory } from "@/lib/kmip/ports";
import type { KmipServer, ServerTls } from "@/lib/kmip/transport/server";
import type { TestDatabase } from "@/test/support/database";
import { addInstance } from "@/test/support/kek-fixtures";
import { freePorts } from "@/test/support/product";
import { type Endpoint, worldForTests } from "@/test/support/world";

type Zone = 1 | 2;

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
  const [first = 0, second = 0] = await freePorts(2);
  const portOf = (zone: Zone) => (zone === 1 ? first : second);
  const world = worldForTests({
    KMIP_PORTS: `${first},${second}`,
    KMIP_HOST: "127.0.0.1",
    ...environment,
  });
  const endpoints = new Map<Zone, Endpoint>();
  const cleanups: (() => Promise<void>)[] = [];
  const deployment = {
    hosts: { listen: "127.0.0.1", port: portOf },
  } as { -readonly [Key in keyof Deployment]: Deployment[Key] };

  async function open(zone: Zone, options: { tls?: ServerTls; tenants?: TenantDirectory } = {}) {
    const { ports } = deployment;
    const tls = options.tls ?? (await deployment.tls(zone));

    endpoints.set(zone, await world.openEndpoint({ ...options, ports, tls, port: portOf(zone) }));
  }

  async function stop(zone: Zone) {
    await endpoints.get(zone)?.close();
    endpoints.delete(zone);
  }

  Object.assign(deployment, {
    async tls(zone) {
      const { certificatePem, privateKeyPem, authorityPem } = await loadTlsIdentity(zone, "ec");

      return { cert: joinPem(certificatePem, authorityPem), key: privateKeyPem };
    },
    server(zone) {
      const endpoint = endpoints.get(zone);
      if (endpoint === undefined) {
        throw new Error(`zone ${zone} is stopped`);
      }

      return endpoint.server;
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
      const { test, accountId } = world;

      return (await addInstance(test.database, accountId, { crkId: "crk", status })).instanceId;
    },
  } satisfies Partial<Deployment>);

  beforeAll(async () => {
    deployment.test = world.test;
    deployment.accountId = world.accountId;
    await ensureTlsIdentities({ hosts: serverCertificateHosts(env()), zones: [1, 2] });
    deployment.writer = createAuditWriter({ pool: deployment.test.database.pool, node: "endpoints" });
    setAuditWriter(deployment.writer);
    deployment.ports = createKmipPorts({
      database: deployment.test.database,
      sink: deployment.writer,
      logger: world.logger,
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
  });

  return deployment;
}
