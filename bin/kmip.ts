/** Process of one KMIP endpoint (a zone): mutual TLS in front of the engine. */
import { hostname } from "node:os";
import { createAuditWriter } from "@/lib/audit/writer";
import { setAuditWriter } from "@/lib/core/audit";
import { logCircuits } from "@/lib/core/key-managers/log-circuits";
import { createKmipPorts } from "@/lib/core/serving";
import { openDatabase, setDatabase } from "@/lib/db";
import { resolveDatabaseUrl } from "@/lib/db/url";
import { env } from "@/lib/env";
import { createLogger } from "@/lib/log";
import { openDedicatedListeners } from "./endpoint/dedicated-listeners";
import { createSharedListeners } from "./endpoint/shared-listeners";
import { limitsHere, zonePorts } from "./endpoint/zone";
import { runProcess } from "./supervisor/run";

const HEARTBEAT_MS = 5_000;
const TLS_CHECK_MS = 60_000;
/** Events tell of changes at once; this is for a port that was in use. */
const DEDICATED_CHECK_MS = 5_000;
const DATABASE_CONNECTIONS = 20;

const zone = env().KMIP_ZONE ?? 1;
const logger = createLogger("kmip", { zone });

logCircuits(logger);

function every(ms: number, what: string, work: () => Promise<void>): NodeJS.Timeout {
  return setInterval(
    () => work().catch((error: unknown) => logger.warn({ err: error }, `${what} failed`)),
    ms,
  );
}

runProcess(logger, async () => {
  const settings = env();
  const { port, httpsPort } = zonePorts(zone, settings);
  const database = openDatabase(resolveDatabaseUrl(settings), {
    max: DATABASE_CONNECTIONS,
    applicationName: `kmip-console kmip zone ${zone}`,
    work: "endpoint",
    onError: (error) => logger.warn({ err: error }, "database connection lost"),
    onSilence: (silent) =>
      silent
        ? logger.error({}, "the database does not answer; nobody waits long for it until it does")
        : logger.info({}, "the database answers again"),
  });

  setDatabase(database);

  const writer = createAuditWriter({
    pool: database.appends,
    node: `kmip-${settings.KMIP_HOST}:${port}@${hostname()}`,
    logger,
  });

  setAuditWriter(writer);

  const ports = createKmipPorts({ database, sink: writer, logger });
  const listener = limitsHere({ settings, httpsPort, logger });
  const place = { zone, port, httpsPort, settings, ports, logger, listener };
  const shared = await createSharedListeners(place);
  const dedicated = openDedicatedListeners(place);

  await ports.ready;
  await shared.listen();
  await shared.beat();
  await dedicated.reconcile();

  const timers = [
    every(HEARTBEAT_MS, "heartbeat", () => shared.beat()),
    every(HEARTBEAT_MS, "heartbeat of dedicated listeners", () => dedicated.beat()),
    every(DEDICATED_CHECK_MS, "check of dedicated listeners", () => dedicated.reconcile()),
    every(TLS_CHECK_MS, "certificate check", () => shared.renew()),
    every(TLS_CHECK_MS, "certificate check of dedicated listeners", () => dedicated.renew()),
  ];

  return {
    async stop() {
      for (const timer of timers) {
        clearInterval(timer);
      }

      await Promise.all([shared.close(), dedicated.close()]);
      await ports.close();
      await writer.close();
      await shared.forget().catch((error: unknown) => logger.warn({ err: error }, "farewell failed"));
      await database.close();
    },
  };
});
