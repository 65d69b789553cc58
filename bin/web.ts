/** Process of the console and the REST API: Next.js behind a plain HTTP server that drains before it ends. */
import { createServer } from "node:http";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import next from "next";
import { env } from "@/lib/env";
import { createLogger } from "@/lib/log";
import { runProcess } from "./supervisor/run";

const DRAIN_MS = 5_000;
const logger = createLogger("web");

runProcess(logger, async () => {
  const settings = env();
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
    },
  };
});
