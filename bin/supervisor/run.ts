import type pino from "pino";
import { surviveLostOutput } from "./lost-output";

/** How often a process says that its event loop turns. */
const ALIVE_EVERY_MS = 2_000;

/**
 * The frame of every child process: says over IPC that it is ready or why not, ends gracefully on SIGTERM and
 * when the supervisor is gone, and logs what nobody caught before it ends.
 */
export function runProcess(logger: pino.Logger, start: () => Promise<{ stop(): Promise<void> }>): void {
  let running: { stop(): Promise<void> } | null = null;
  let stopping = false;

  const stop = async (why: string, code: number): Promise<void> => {
    if (stopping) {
      return;
    }

    stopping = true;
    logger.info({ why }, "stopping");

    try {
      await running?.stop();
    } catch (error) {
      logger.error({ err: error }, "stop failed");
    }

    logger.flush();
    process.exit(code);
  };

  surviveLostOutput();
  process.on("SIGTERM", () => void stop("SIGTERM", 0));
  process.on("SIGINT", () => void stop("SIGINT", 0));
  process.on("disconnect", () => void stop("supervisor gone", 0));
  process.on("uncaughtException", (error) => {
    logger.fatal({ err: error }, "uncaught exception");
    void stop("uncaught exception", 1);
  });
  process.on("unhandledRejection", (error) => {
    logger.fatal({ err: error }, "unhandled rejection");
    void stop("unhandled rejection", 1);
  });

  if (process.send && !process.connected) {
    // The supervisor was killed while this process was loading: the event came before anybody listened.
    process.exit(0);
  }

  start().then(
    (started) => {
      running = started;
      logger.info({}, "ready");
      process.send?.({ type: "ready" });
      setInterval(() => {
        if (process.connected) {
          process.send?.({ type: "alive" });
        }
      }, ALIVE_EVERY_MS).unref();
    },
    (error: unknown) => {
      logger.fatal({ err: error }, "start failed");
      process.send?.({ type: "failed", message: error instanceof Error ? error.message : String(error) });
      void stop("start failed", 1);
    },
  );
}
