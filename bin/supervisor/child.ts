import { type ChildProcess, fork } from "node:child_process";

/** What a child process tells the supervisor over IPC. */
type ChildMessage =
  | { readonly type: "ready" }
  /** Every two seconds: its event loop turns. */
  | { readonly type: "alive" }
  | { readonly type: "failed"; readonly message: string };

export type ChildOptions = {
  /** Name in logs, e.g. `kmip-1`. */
  readonly name: string;
  readonly entry: string;
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Takes what it prints. Must not throw. */
  readonly output: (bytes: Uint8Array) => void;
  /** False while nobody else does what it does: then it is not left alone for long. Default true. */
  readonly othersRun?: () => boolean;
  /** How long it may say nothing before it is replaced. */
  readonly hungMs?: number;
  readonly onEvent: (
    event: "restarting" | "ready" | "hung",
    detail: { name: string; code?: number | null; inMs?: number },
  ) => void;
};

const RESTART_MS = [200, 500, 1_000, 2_000, 5_000, 10_000] as const;
/** The longest pause while nobody else does its work. */
const ALONE_MS = 1_000;
const READY_TIMEOUT_MS = 60_000;
/** A process that ran this long had not failed at its start. */
const STABLE_MS = 30_000;
const HUNG_MS = 20_000;
const LOOK_EVERY_MS = 1_000;
/** For what it printed last, once it is gone. */
const LAST_WORDS_MS = 500;

/**
 * Runs a process, and runs it again when it ends unasked, waiting longer from failure to failure. One that was ready and
 * says nothing any more (stopped, or caught in a loop) is killed, and so run again.
 */
export class Child {
  readonly name: string;
  readonly #options: ChildOptions;
  #process: ChildProcess | null = null;
  /** It was ready once; from then on it is kept running. */
  #started = false;
  #ready = false;
  #stopping = false;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** True while it does its work. */
  get running(): boolean {
    return this.#ready;
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
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // Ctrl-C must reach the supervisor only, which stops its children in order.
      detached: true,
    });
    const heard = this.#watch(child);

    this.#process = child;

    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", this.#options.output);
      stream?.on("error", () => {});
    }

    return new Promise((resolve) => {
      let ready = false;

      child.on("message", (message: ChildMessage) => {
        heard();

        if (message.type === "ready") {
          ready = true;
          this.#ready = true;
          this.#options.onEvent("ready", { name: this.name });
          resolve(null);
        } else if (message.type === "failed") {
          resolve(message.message);
        }
      });
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code) => {
        this.#process = null;
        this.#ready = false;
        resolve(ready ? null : `it ended with code ${code ?? "none"}; see its log`);

        if (!this.#stopping && this.#started) {
          this.#runAgain(code, startedAt);
        }
      });
    });
  }

  #runAgain(code: number | null, startedAt: number): void {
    const { othersRun = () => true } = this.#options;

    this.#failures = Date.now() - startedAt > STABLE_MS ? 1 : this.#failures + 1;

    const pause = RESTART_MS[Math.min(this.#failures - 1, RESTART_MS.length - 1)] ?? 10_000;
    const inMs = othersRun() ? pause : Math.min(pause, ALONE_MS);

    this.#options.onEvent("restarting", { name: this.name, code, inMs });
    this.#timer = setTimeout(() => void this.#run(), inMs);
  }

  /**
   * Kills a process that was heard of and then no more.
   * @returns to be called whenever it is heard of
   */
  #watch(child: ChildProcess): () => void {
    const { hungMs = HUNG_MS } = this.#options;
    let heardAt: number | null = null;
    let lookedAt = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();

      // Who was stopped himself has heard nothing of anybody.
      if (now - lookedAt > 2 * LOOK_EVERY_MS && heardAt !== null) {
        heardAt = now;
      }

      lookedAt = now;

      if (heardAt !== null && now - heardAt > hungMs && !this.#stopping) {
        heardAt = now;
        this.#options.onEvent("hung", { name: this.name });
        child.kill("SIGKILL");
      }
    }, LOOK_EVERY_MS);

    child.once("exit", () => clearInterval(timer));

    return () => {
      heardAt = performance.now();
    };
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
    const silent = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const kill = setTimeout(() => child.kill("SIGKILL"), timeoutMs);

    child.kill("SIGTERM");
    await gone;
    clearTimeout(kill);
    // A process of its own that it leaves behind may hold its output open.
    await Promise.race([silent, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
  }
}
