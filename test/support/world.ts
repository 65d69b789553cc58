/**
 * The world that integration tests stand on: a database with an account, instances with a client certificate, and
 * endpoints in front of them. Worlds of one topic (test/api/support/house.ts, test/keks/world.ts,
 * test/endpoints/deployment.ts) are made of this one.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { createAuditWriter, type HashChainWriter } from "@/lib/audit/writer";
import { apiKeyPurpose } from "@/lib/core/key-managers/open-key-manager";
import { ensureMasterKey, sealSecret } from "@/lib/core/secrets";
import { createKmipPorts, type KmipPorts } from "@/lib/core/serving";
import { KmipClient, type KmipVersionName } from "@/lib/kmip/client/client";
import { createKmipEngine } from "@/lib/kmip/engine/engine";
import type { Tenant, TenantDirectory } from "@/lib/kmip/ports";
import { createKmipServer, type KmipServer, type ServerTls } from "@/lib/kmip/transport/server";
import { makeRootKey, type TestCloud } from "@/test/key-managers/support/sandbox";
import { createSelfSigned, type TestCertificate } from "./certificates";
import { createTestDatabase, type TestDatabase } from "./database";
import {
  addAccount,
  addCertificate,
  addInstanceRow,
  type InstanceColumns,
  recordingLogger,
} from "./kek-fixtures";

export type World = {
  readonly test: TestDatabase;
  readonly accountId: string;
  readonly logger: ReturnType<typeof recordingLogger>;
  /** An installed instance in the sandbox's key manager, on a root key of its own unless one is given. */
  orderInstance(cloud: TestCloud, options?: OrderOptions): Promise<OrderedInstance>;
  /** An endpoint as a process of its own has it. It is closed with the world. */
  openEndpoint(options?: EndpointOptions): Promise<Endpoint>;
};

export type OrderOptions = Partial<InstanceColumns> & {
  readonly kind?: "key-protect" | "hpcs";
  /** When its root key expires. */
  readonly expirationDate?: string;
};

type OrderedInstance = {
  readonly id: string;
  readonly crkId: string;
  readonly tenant: Tenant;
  /** The client certificate that is pinned, with its private key. */
  readonly certificate: TestCertificate;
};

export type EndpointOptions = {
  /** Its name in the audit. */
  readonly node?: string;
  /** Default: any free one. */
  readonly port?: number;
  /** Default: a self-signed certificate. */
  readonly tls?: ServerTls;
  /** Default: the tenants of its ports. */
  readonly tenants?: TenantDirectory;
  /** Ports that exist already: the endpoint shares them, and does not close them. */
  readonly ports?: KmipPorts;
  readonly openKeyManager?: Parameters<typeof createKmipPorts>[0]["openKeyManager"];
};

export type Endpoint = {
  readonly ports: KmipPorts;
  /** Null where the ports were given. */
  readonly writer: HashChainWriter | null;
  readonly server: KmipServer;
  readonly port: number;
  connect(certificate: TestCertificate, version?: KmipVersionName): KmipClient;
  /** However often it is called. */
  close(): Promise<void>;
};

/**
 * A folder for this test file alone, which is DATA_DIR from now on; to be called before anything asks for the
 * environment, which is read once.
 */
export function dataDirForTests(environment: { readonly [name: string]: string } = {}): string {
  const dataDir = mkdtempSync(join(tmpdir(), "kmip-console-world-"));

  Object.assign(process.env, { DATA_DIR: dataDir, LOG_LEVEL: "fatal", ...environment });

  return dataDir;
}

async function orderInstance(
  { test, accountId }: Pick<World, "test" | "accountId">,
  cloud: TestCloud,
  { kind = "key-protect", expirationDate, crkId: given, ...columns }: OrderOptions = {},
): Promise<OrderedInstance> {
  const { keyProtect, hpcs, manager } = cloud.credentials;
  const [keyManager, path] =
    kind === "hpcs"
      ? ([hpcs, `hpcs/${hpcs.guid}`] as const)
      : ([keyProtect, "key-protect/us-south"] as const);
  const id = randomUUID();
  const crkId =
    given ??
    (await makeRootKey(cloud, `crk of ${id}`, { kind, ...(expirationDate ? { expirationDate } : {}) }));

  await addInstanceRow(test.database, accountId, {
    id,
    region: "us-south",
    keyManagerKind: kind,
    keyManagerCrn: keyManager.crn,
    keyManagerGuid: keyManager.guid,
    keyManagerEndpoint: `${cloud.sandbox.url}/${path}`,
    crkId,
    apiKeySealed: sealSecret(manager.apiKey, apiKeyPurpose(id)),
    ...columns,
  });

  const certificate = await createSelfSigned({ commonName: "vcenter" });
  const tenant = await addCertificate(test.database, id, { ...certificate, name: "vcenter" });

  return { id, crkId, tenant, certificate };
}

/** The ports of an endpoint, with an audit writer of its own. */
function openPorts(
  { test: { database }, logger }: Pick<World, "test" | "logger">,
  { node = "zone-1", openKeyManager }: EndpointOptions,
): { ports: KmipPorts; writer: HashChainWriter } {
  const writer = createAuditWriter({ pool: database.pool, node });
  const ports = createKmipPorts({
    database,
    sink: writer,
    logger,
    ...(openKeyManager === undefined ? {} : { openKeyManager }),
  });

  return { ports, writer };
}

async function selfSignedTls(): Promise<ServerTls> {
  const { certPem, keyPem } = await createSelfSigned({ commonName: "kmip.test" });

  return { cert: certPem, key: keyPem };
}

async function openEndpoint(
  world: Pick<World, "test" | "logger">,
  options: EndpointOptions = {},
): Promise<Endpoint> {
  const { ports, writer } =
    options.ports === undefined ? openPorts(world, options) : { ports: options.ports, writer: null };
  const { logger } = world;
  const server = createKmipServer({
    host: "127.0.0.1",
    port: options.port ?? 0,
    tls: options.tls ?? (await selfSignedTls()),
    engine: createKmipEngine({ store: ports.store, audit: ports.audit, logger }),
    tenants: options.tenants ?? ports.tenants,
    logger,
  });

  await ports.ready;

  const { port } = await server.listen();
  let closed: Promise<void> | null = null;

  async function close(): Promise<void> {
    await server.close({ timeoutMs: 500 });

    // Those that were given belong to somebody else.
    if (writer !== null) {
      await ports.close();
      await writer.close();
    }
  }

  return {
    ports,
    writer,
    server,
    port,
    connect: ({ certPem, keyPem }, version = "1.1") =>
      new KmipClient({ host: "127.0.0.1", port, cert: certPem, key: keyPem, version }),
    close() {
      closed ??= close();

      return closed;
    },
  };
}

/** A world of which the caller says when it ends. */
export async function openWorld(): Promise<World & { close(): Promise<void> }> {
  const test = await createTestDatabase();
  const base = { test, accountId: await addAccount(test.database), logger: recordingLogger() };
  const endpoints: Endpoint[] = [];

  return {
    ...base,
    orderInstance: (cloud, options) => orderInstance(base, cloud, options),
    async openEndpoint(options) {
      const endpoint = await openEndpoint(base, options);
      endpoints.push(endpoint);

      return endpoint;
    },
    async close() {
      for (const endpoint of endpoints.toReversed()) {
        await endpoint.close();
      }

      await test.drop();
    },
  };
}

/**
 * A world for a test file, in a folder of its own with a master key: there before its tests, gone after them.
 * @param environment further variables, e.g. KMIP_PORTS
 */
export function worldForTests(environment: { readonly [name: string]: string } = {}): World {
  const dataDir = dataDirForTests(environment);
  const world = {} as World;
  let close = async (): Promise<void> => {};

  beforeAll(async () => {
    ensureMasterKey(join(dataDir, "master.key"));
    const opened = await openWorld();
    close = opened.close;
    Object.assign(world, opened);
  });

  afterAll(async () => {
    await close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  return world;
}
