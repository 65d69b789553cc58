import { type ChildProcess, fork } from "node:child_process";

/** What a child process tells the supervisor over IPC. */
type ChildMessage = { readonly type: "ready" } | { readonly type: "failed"; readonly message: string };

export type ChildOptions = {
  /** Name in logs, e.g. `kmip-1`. */
  readonly name: string;
  readonly entry: string;
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** File descriptor for its output. */
  readonly output: number | "inherit";
  readonly onEvent: (
    event: "restarting" | "ready",
    detail: { name: string; code?: number | null; inMs?: number },
  ) => void;
};

const RESTART_MS = [200, 500, 1_000, 2_000, 5_000, 10_000] as const;
const READY_TIMEOUT_MS = 60_000;
/** A process that ran this long had not failed at its start. */
const STABLE_MS = 30_000;

/**
 * Runs a process, and runs it again when it ends unasked, waiting longer from failure to failure.
 */
export class Child {
  readonly name: string;
  readonly #options: ChildOptions;
  #process: ChildProcess | null = null;
  /** It was ready once; from then on it is kept running. */
  #started = false;
  #stopping = false;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /**
   * Starts it for the first time; resolves when it says it is ready.
   * @throws Error when it says that it failed, or ends before it is ready
   */
  async start(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve("it was not ready in a minute; see its log"), READY_TIMEOUT_MS);
    });
    const result = await Promise.race([this.#run(), late]);

    clearTimeout(timer);

    if (result !== null) {
      this.#stopping = true;
      throw new Error(`${this.name} did not start: ${result}`);
    }

    this.#started = true;
  }

  #run(): Promise<string | null> {
    const startedAt = Date.now();
    const child = fork(this.#options.entry, [], {
      execArgv: [...this.#options.execArgv],
      env: this.#options.env,
      cwd: this.#options.cwd,
      stdio: ["ignore", this.#options.output, this.#options.output, "ipc"],
      // Ctrl-C must reach the supervisor only, which stops its children in order.
      detached: true,
    });

    this.#process = child;

    return new Promise((resolve) => {
      let ready = false;

      child.on("message", (message: ChildMessage) => {
        if (message.type === "ready") {
          ready = true;
          this.#options.onEvent("ready", { name: this.name });
          resolve(null);
        } else {
          resolve(message.message);
        }
      });
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code) => {
        this.#process = null;
        resolve(ready ? null : `it ended with code ${code ?? "none"}; see its log`);

        if (this.#stopping || !this.#started) {
          return;
        }

        this.#failures = Date.now() - startedAt > STABLE_MS ? 1 : this.#failures + 1;

        const inMs = RESTART_MS[Math.min(this.#failures - 1, RESTART_MS.length - 1)] ?? 10_000;

        this.#options.onEvent("restarting", { name: this.name, code, inMs });
        this.#timer = setTimeout(() => void this.#run(), inMs);
      });
    });
  }

  /** SIGTERM, then SIGKILL when it is not gone in time. Resolves when it is gone. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;

    if (this.#timer) {
      clearTimeout(this.#timer);
    }

    const child = this.#process;

    if (!child || child.exitCode !== null || child.signalCode !== null) {
      return;
    }

    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const kill = setTimeout(() => child.kill("SIGKILL"), timeoutMs);

    child.kill("SIGTERM");
    await gone;
    clearTimeout(kill);
  }
}
