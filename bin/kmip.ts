/** Process of one KMIP endpoint (a zone): mutual TLS in front of the engine. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { createAuditWriter } from "@/lib/audit/writer";
import { setAuditWriter } from "@/lib/core/audit";
import {
  type Heartbeat,
  joinPem,
  KEY_TYPES,
  loadTlsIdentity,
  recordHeartbeat,
  removeEndpointNode,
} from "@/lib/core/endpoints";
import { createDedicatedListeners } from "@/lib/core/endpoints/dedicated-listeners";
import { listenerSettings } from "@/lib/core/endpoints/listener-settings";
import { createKmipPorts } from "@/lib/core/keks";
import { logCircuits } from "@/lib/core/key-managers/log-circuits";
import { openDatabase, setDatabase } from "@/lib/db";
import { resolveDatabaseUrl } from "@/lib/db/url";
import { env } from "@/lib/env";
import { troubledKeyManagers } from "@/lib/key-managers/gates";
import { createKmipEngine, DEFAULT_IDENTITY } from "@/lib/kmip/engine/engine";
import { OperationCounts } from "@/lib/kmip/engine/operation-counts";
import { createKmipHttpsServer } from "@/lib/kmip/transport/https-server";
import {
  ConnectionLimits,
  createKmipServer,
  type KmipServerStats,
  type ServerTls,
} from "@/lib/kmip/transport/server";
import { createLogger } from "@/lib/log";
import { VERSION } from "@/lib/version";
import { openFilesLimit } from "./supervisor/open-files";
import { runProcess } from "./supervisor/run";

const HEARTBEAT_MS = 5_000;
const TLS_CHECK_MS = 60_000;
/** Events tell of changes at once; this is for a port that was in use. */
const DEDICATED_CHECK_MS = 5_000;
const DRAIN_MS = 5_000;
const DATABASE_CONNECTIONS = 20;

const zone = env().KMIP_ZONE ?? 1;
const logger = createLogger("kmip", { zone });

logCircuits(logger);

/** The zone's certificates, ECDSA and RSA side by side. */
async function readCertificates(): Promise<Pick<ServerTls, "cert" | "key">> {
  const identities = await Promise.all(KEY_TYPES.map((keyType) => loadTlsIdentity(zone, keyType)));

  return {
    cert: identities.map(({ certificatePem, authorityPem }) => joinPem(certificatePem, authorityPem)),
    key: identities.map(({ privateKeyPem }) => privateKeyPem),
  };
}

/** Sums of counts by name. */
function sumByName(...all: readonly { readonly [name: string]: number }[]): Record<string, number> {
  const sums: Record<string, number> = {};

  for (const [name, count] of all.flatMap((counts) => Object.entries(counts))) {
    sums[name] = (sums[name] ?? 0) + count;
  }

  return sums;
}

/** What a heartbeat says of the listeners that share a node. Key managers are the process's, told by its shared node. */
function heartbeatFigures(
  servers: readonly {
    stats(): Pick<
      KmipServerStats,
      "accepted" | "connections" | "failedHandshakeCounts" | "failedHandshakes" | "requests"
    >;
  }[],
  operations: OperationCounts,
  connectionLimits: ConnectionLimits,
): Pick<Heartbeat, "connections" | "requests" | "failedHandshakes" | "counters"> {
  const listeners = servers.map((server) => server.stats());
  const sum = (count: (stats: (typeof listeners)[number]) => number): number =>
    listeners.reduce((total, stats) => total + count(stats), 0);

  return {
    connections: sum((stats) => stats.connections),
    requests: sum((stats) => stats.requests),
    failedHandshakes: listeners
      .flatMap((stats) => stats.failedHandshakes)
      .sort((a, b) => b.at.getTime() - a.at.getTime()),
    counters: {
      accepted: sum((stats) => stats.accepted),
      failedHandshakes: sumByName(...listeners.map((stats) => stats.failedHandshakeCounts)),
      operations: operations.byName(),
      limits: connectionLimits.limitsHit,
      keyManagers: [],
    },
  };
}

runProcess(logger, async () => {
  const settings = env();
  const port = settings.KMIP_PORTS[zone - 1];

  if (port === undefined) {
    throw new Error(`KMIP_ZONE ${zone} has no port in KMIP_PORTS.`);
  }

  const database = openDatabase(resolveDatabaseUrl(settings), {
    max: DATABASE_CONNECTIONS,
    applicationName: `kmip-console kmip zone ${zone}`,
    onError: (error) => logger.warn({ err: error }, "database connection lost"),
  });

  setDatabase(database);

  const writer = createAuditWriter({
    pool: database.pool,
    node: `kmip-${settings.KMIP_HOST}:${port}@${hostname()}`,
    logger,
  });

  setAuditWriter(writer);

  const ports = createKmipPorts({ database, sink: writer, logger });
  const operations = new OperationCounts();
  const httpsPort = settings.KMIP_HTTPS_PORTS?.[zone - 1];
  const createEngine = (counts: OperationCounts, overHttps: boolean) =>
    createKmipEngine({
      store: ports.store,
      audit: ports.audit,
      logger,
      identity: { ...DEFAULT_IDENTITY, overHttps },
      interop: settings.KMIP_INTEROP,
      onAnswered: (operation, succeeded) => counts.note(operation, succeeded),
    });
  const engine = createEngine(operations, httpsPort !== undefined);
  const listener = listenerSettings(settings, {
    openFiles: openFilesLimit(),
    listeners: httpsPort === undefined ? 1 : 2,
  });

  if (listener.shortOfFiles) {
    logger.warn(
      { maxConnections: listener.connectionLimits.maxConnections },
      "the limit of open files leaves room for fewer connections than are configured",
    );
  }

  const connectionLimits = new ConnectionLimits(listener.connectionLimits);
  const limits = { maxHandshakes: listener.maxHandshakes };
  let certificates = await readCertificates();
  const server = createKmipServer({
    host: settings.KMIP_HOST,
    port,
    tls: { ...certificates, ...listener.tls },
    engine,
    tenants: ports.tenants,
    logger,
    connectionLimits,
    limits: { ...limits, idleTimeoutMs: listener.idleTimeoutMs },
  });

  const https =
    httpsPort === undefined
      ? null
      : createKmipHttpsServer({
          host: settings.KMIP_HOST,
          port: httpsPort,
          tls: { ...certificates, ...listener.tls },
          engine,
          tenants: ports.tenants,
          logger,
          connectionLimits,
          limits,
        });

  /** A listener of one instance alone has limits, counts and a heartbeat of its own. */
  const dedicated = createDedicatedListeners({
    zone,
    events: ports.events,
    logger,
    drainMs: DRAIN_MS,
    open(instanceId, dedicatedPort, own) {
      const ownConnectionLimits = new ConnectionLimits(listener.connectionLimits);
      const ownOperations = new OperationCounts();
      const ownServer = createKmipServer({
        host: settings.KMIP_HOST,
        port: dedicatedPort,
        tls: { ...own, ...listener.tls },
        engine: createEngine(ownOperations, false),
        tenants: ports.tenants.dedicatedTo(instanceId),
        logger,
        connectionLimits: ownConnectionLimits,
        limits: { ...limits, idleTimeoutMs: listener.idleTimeoutMs },
      });
      const ownNode = {
        id: randomUUID(),
        zone,
        host: settings.KMIP_HOST,
        port: dedicatedPort,
        instanceId,
        version: VERSION,
        startedAt: new Date(),
      };

      return {
        server: ownServer,
        renew: (next) => ownServer.updateTls({ ...next, ...listener.tls }),
        beat: () =>
          recordHeartbeat({
            ...ownNode,
            ...heartbeatFigures([ownServer], ownOperations, ownConnectionLimits),
          }),
        forget: () => removeEndpointNode(ownNode.id),
      };
    },
  });

  await ports.ready;
  await server.listen();
  await https?.listen();

  const node = {
    id: randomUUID(),
    zone,
    host: settings.KMIP_HOST,
    port,
    version: VERSION,
    startedAt: new Date(),
  };
  const beat = (): Promise<void> => {
    const figures = heartbeatFigures(
      [server, ...(https === null ? [] : [https])],
      operations,
      connectionLimits,
    );

    return recordHeartbeat({
      ...node,
      ...figures,
      counters: { ...figures.counters, keyManagers: troubledKeyManagers() },
    });
  };
  const renewTls = async (): Promise<void> => {
    const next = await readCertificates();

    if (String(next.cert) !== String(certificates.cert)) {
      server.updateTls({ ...next, ...listener.tls });
      https?.updateTls({ ...next, ...listener.tls });
      certificates = next;
      logger.info({}, "server certificates renewed");
    }
  };
  const every = (ms: number, what: string, work: () => Promise<void>): NodeJS.Timeout =>
    setInterval(() => work().catch((error: unknown) => logger.warn({ err: error }, `${what} failed`)), ms);

  await beat();
  await dedicated.reconcile();

  const timers = [
    every(HEARTBEAT_MS, "heartbeat", beat),
    every(HEARTBEAT_MS, "heartbeat of dedicated listeners", () => dedicated.beat()),
    every(DEDICATED_CHECK_MS, "check of dedicated listeners", () => dedicated.reconcile()),
    every(TLS_CHECK_MS, "certificate check", renewTls),
    every(TLS_CHECK_MS, "certificate check of dedicated listeners", () => dedicated.renew()),
  ];

  return {
    async stop() {
      for (const timer of timers) {
        clearInterval(timer);
      }

      await Promise.all([
        server.close({ timeoutMs: DRAIN_MS }),
        https?.close({ timeoutMs: DRAIN_MS }),
        dedicated.close(),
      ]);
      await ports.close();
      await writer.close();
      await removeEndpointNode(node.id).catch((error: unknown) =>
        logger.warn({ err: error }, "farewell failed"),
      );
      await database.close();
    },
  };
});
