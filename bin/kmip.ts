/** Process of one KMIP endpoint (a zone): mutual TLS in front of the engine. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { createAuditWriter } from "@/lib/audit/writer";
import { setAuditWriter } from "@/lib/core/audit";
import {
  joinPem,
  loadTlsIdentity,
  recordHeartbeat,
  removeEndpointNode,
  zoneIdentityId,
} from "@/lib/core/endpoints";
import { createKmipPorts } from "@/lib/core/keks";
import { openDatabase, setDatabase } from "@/lib/db";
import { resolveDatabaseUrl } from "@/lib/db/url";
import { env } from "@/lib/env";
import { createKmipEngine, DEFAULT_IDENTITY } from "@/lib/kmip/engine";
import { createKmipHttpsServer } from "@/lib/kmip/https-server";
import { createKmipServer, type ServerTls } from "@/lib/kmip/server";
import { createLogger } from "@/lib/log";
import { VERSION } from "@/lib/version";
import { runProcess } from "./supervisor/run";

const HEARTBEAT_MS = 5_000;
const TLS_CHECK_MS = 60_000;
const DRAIN_MS = 5_000;
const DATABASE_CONNECTIONS = 20;

const zone = env().KMIP_ZONE ?? 1;
const logger = createLogger("kmip", { zone });

async function readTls(): Promise<ServerTls> {
  const identity = await loadTlsIdentity(zoneIdentityId(zone));

  return { cert: joinPem(identity.certificatePem, identity.authorityPem), key: identity.privateKeyPem };
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
  const httpsPort = settings.KMIP_HTTPS_PORTS?.[zone - 1];
  const engine = createKmipEngine({
    store: ports.store,
    audit: ports.audit,
    logger,
    identity: { ...DEFAULT_IDENTITY, overHttps: httpsPort !== undefined },
  });
  let tls = await readTls();
  const server = createKmipServer({
    host: settings.KMIP_HOST,
    port,
    tls,
    engine,
    tenants: ports.tenants,
    logger,
  });

  const https =
    httpsPort === undefined
      ? null
      : createKmipHttpsServer({
          host: settings.KMIP_HOST,
          port: httpsPort,
          tls,
          engine,
          tenants: ports.tenants,
          logger,
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
  const beat = async (): Promise<void> => {
    const listeners = [server.stats(), ...(https === null ? [] : [https.stats()])];
    const sum = (count: (stats: (typeof listeners)[number]) => number): number =>
      listeners.reduce((total, stats) => total + count(stats), 0);

    await recordHeartbeat({
      ...node,
      connections: sum((stats) => stats.connections),
      requests: sum((stats) => stats.requests),
      failedHandshakes: listeners
        .flatMap((stats) => stats.failedHandshakes)
        .sort((a, b) => b.at.getTime() - a.at.getTime()),
    });
  };
  const renewTls = async (): Promise<void> => {
    const next = await readTls();

    if (next.cert !== tls.cert) {
      server.updateTls(next);
      https?.updateTls(next);
      tls = next;
      logger.info({}, "server certificate renewed");
    }
  };
  const every = (ms: number, what: string, work: () => Promise<void>): NodeJS.Timeout =>
    setInterval(() => work().catch((error: unknown) => logger.warn({ err: error }, `${what} failed`)), ms);

  await beat();

  const timers = [every(HEARTBEAT_MS, "heartbeat", beat), every(TLS_CHECK_MS, "certificate check", renewTls)];

  return {
    async stop() {
      for (const timer of timers) {
        clearInterval(timer);
      }

      await Promise.all([server.close({ timeoutMs: DRAIN_MS }), https?.close({ timeoutMs: DRAIN_MS })]);
      await ports.close();
      await writer.close();
      await removeEndpointNode(node.id).catch((error: unknown) =>
        logger.warn({ err: error }, "farewell failed"),
      );
      await database.close();
    },
  };
});
