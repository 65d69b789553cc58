import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { env } from "@/lib/env";
import { type CallContext, KeyManagerError } from "../key-manager";
import type { HostAnswer, HostCalls, HostMethod, HostStart } from "./host-protocol";
import { wipe } from "./wipe";

/** Milliseconds that a call may take when nobody says otherwise. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** A process that has been at one call for so long hangs in the module and is ended. */
const HANG_MS = 10_000;
/** A process that nobody asked for so long is ended. */
const IDLE_MS = 300_000;

type Waiting = {
  settle(answer: HostAnswer): void;
  fail(error: KeyManagerError): void;
};

type Running = {
  readonly child: ChildProcess;
  readonly waiting: Map<number, Waiting>;
  /** When the call that it is at began, as far as can be told from here. */
  busySince: number;
  idle: NodeJS.Timeout | null;
};

/**
 * The far end of a token process. The process starts at the first call and again after it ended; calls are carried out
 * one after the other.
 */
export class TokenProcess {
  readonly #start: HostStart;
  readonly #onEnd: () => void;
  #running: Running | null = null;
  #nextId = 1;

  /** @param onEnd called whenever the process has ended */
  constructor(start: HostStart, onEnd: () => void = () => undefined) {
    this.#start = start;
    this.#onEnd = onEnd;
  }

  /**
   * @throws KeyManagerError as the token answers; `timeout` when time is up or the caller gave up (the call may still be
   *   carried out); `unreachable` when the process ended in the middle of it
   */
  call<Method extends HostMethod>(
    method: Method,
    args: Parameters<HostCalls[Method]>,
    context: CallContext,
  ): Promise<ReturnType<HostCalls[Method]>> {
    const { correlationId, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = context;

    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(cancelled(correlationId));

        return;
      }

      const running = this.#open();
      const id = this.#nextId++;
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        running.waiting.delete(id);
        this.#rest(running);
      };
      const onAbort = () => {
        done();
        reject(cancelled(correlationId));
      };
      const timer = setTimeout(() => {
        done();
        reject(
          new KeyManagerError("timeout", "The token did not answer in time.", {
            code: "TIMEOUT",
            correlationId,
          }),
        );

        if (performance.now() - running.busySince >= HANG_MS) {
          this.#end(running, "The token hangs.");
        }
      }, timeoutMs);

      signal?.addEventListener("abort", onAbort, { once: true });
      running.waiting.set(id, {
        settle(answer) {
          done();

          if (answer.ok) {
            resolve(answer.value as ReturnType<HostCalls[Method]>);
          } else {
            const { failure, message, code } = answer;
            reject(new KeyManagerError(failure, message, { code, correlationId }));
          }
        },
        fail(error) {
          done();
          reject(error);
        },
      });

      if (running.waiting.size === 1) {
        running.busySince = performance.now();
      }

      if (running.idle) {
        clearTimeout(running.idle);
      }
      running.idle = null;
      running.child.channel?.ref();
      // A process that ended meanwhile says so by its exit.
      running.child.send({ id, method, args }, () => undefined);
    });
  }

  /** Sends the process a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#running?.child.kill(signal);
  }

  /** Ends the process; calls that run fail. */
  close(): void {
    if (this.#running) {
      this.#end(this.#running, "The token's process was ended.");
    }
  }

  #open(): Running {
    if (this.#running) {
      return this.#running;
    }

    const { file, execArgv } = entry();
    const child = fork(file, [], {
      execArgv,
      // Buffers travel as bytes.
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const running: Running = { child, waiting: new Map(), busySince: performance.now(), idle: null };

    child.on("message", (answer: HostAnswer) => {
      running.busySince = performance.now();

      const waiting = running.waiting.get(answer.id);

      if (waiting) {
        waiting.settle(answer);
      } else if (answer.ok) {
        // Nobody waits for it any more, and it may be a key.
        wipe([answer.value]);
      }
    });
    child.once("error", () => this.#end(running, "The token's process could not be started."));
    child.once("exit", () => this.#end(running, "The token's process ended."));
    // It must not keep its parent alive; a call that runs does.
    child.unref();
    child.channel?.unref();
    child.send(this.#start, () => undefined);
    this.#running = running;

    return running;
  }

  #end(running: Running, message: string): void {
    if (this.#running === running) {
      this.#running = null;
      this.#onEnd();
    }

    if (running.idle) {
      clearTimeout(running.idle);
    }

    for (const waiting of [...running.waiting.values()]) {
      waiting.fail(new KeyManagerError("unreachable", message, { code: "TOKEN_PROCESS_ENDED" }));
    }

    // It may hang in native code, where only this ends it. Whoever waits knows that the call may have been carried out.
    running.child.kill("SIGKILL");
  }

  #rest(running: Running): void {
    if (running.waiting.size > 0 || this.#running !== running) {
      return;
    }

    running.child.channel?.unref();
    running.idle = setTimeout(() => this.#end(running, "The token's process was idle."), IDLE_MS);
    running.idle.unref();
  }
}

/** The file of the process (bin/pkcs11.ts): the bundle, or outside of production the TypeScript itself. */
function entry(): { file: string; execArgv: string[] } {
  return env().NODE_ENV === "production"
    ? { file: join(process.cwd(), "dist", "pkcs11.js"), execArgv: ["--enable-source-maps"] }
    : { file: join(process.cwd(), "bin", "pkcs11.ts"), execArgv: ["--import", "tsx"] };
}

function cancelled(correlationId: string): KeyManagerError {
  return new KeyManagerError("timeout", "The caller gave up.", { code: "CANCELLED", correlationId });
}
