/** Process of the console and the REST API: Next.js behind a plain HTTP server that drains before it ends. */
import { createServer, type IncomingMessage } from "node:http";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import next from "next";
import { createAuditWriter } from "@/lib/audit/writer";
import { setAuditWriter } from "@/lib/core/audit";
import { logCircuits } from "@/lib/core/key-managers/log-circuits";
import { openDatabase, setDatabase } from "@/lib/db";
import { resolveDatabaseUrl } from "@/lib/db/url";
import { env } from "@/lib/env";
import { captureConsole, createLogger } from "@/lib/log";
import { runProcess } from "./supervisor/run";

const DRAIN_MS = 5_000;
const DATABASE_CONNECTIONS = 20;
const logger = createLogger("web");

logCircuits(logger);

/** Without a proxy in front, the sender's own X-Forwarded-For would end up in the audit and in rate limits. */
function takeAddressFromSocket(request: IncomingMessage): void {
  delete request.headers["x-forwarded-for"];

  if (request.socket.remoteAddress) {
    request.headers["x-forwarded-for"] = request.socket.remoteAddress;
  }
}

runProcess(logger, async () => {
  const settings = env();
  // Next's bundles find both through globalThis.
  const database = openDatabase(resolveDatabaseUrl(settings), {
    max: DATABASE_CONNECTIONS,
    applicationName: "kmip-console web",
    work: "console",
    onError: (error) => logger.warn({ err: error }, "database connection lost"),
    onSilence: (silent) =>
      silent
        ? logger.error({}, "the database does not answer; nobody waits long for it until it does")
        : logger.info({}, "the database answers again"),
  });
  const writer = createAuditWriter({
    pool: database.appends,
    node: `web-${settings.HOST}:${settings.PORT}@${hostname()}`,
    logger,
  });

  setDatabase(database);
  setAuditWriter(writer);

  if (settings.NODE_ENV === "production") {
    captureConsole(logger);
  }

  const app = next({
    dev: settings.NODE_ENV === "development",
    dir: dirname(dirname(fileURLToPath(import.meta.url))),
    hostname: settings.HOST,
    port: settings.PORT,
    // Next would otherwise end the process at the first signal, with requests still open.
    customServer: true,
  });

  await app.prepare();

  const handle = app.getRequestHandler();
  const server = createServer((request, response) => {
    if (!settings.TRUST_PROXY) {
      takeAddressFromSocket(request);
    }

    handle(request, response).catch((error: unknown) => {
      logger.error({ err: error }, "request failed");
      response.statusCode = 500;
      response.end();
    });
  });

  server.headersTimeout = 15_000;
  server.requestTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.PORT, settings.HOST, resolve);
  });

  return {
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));

      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
      await closed;
      await app.close();
      await writer.close();
      await database.close();
    },
  };
});
