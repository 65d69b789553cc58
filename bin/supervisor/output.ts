import { closeSync, existsSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { env } from "@/lib/env";

export type LogLimits = {
  /** A file that is larger is kept as `.1`, the one before as `.2`, and so on. */
  readonly maxBytes: number;
  /** Files of one process at most, the current one among them. */
  readonly files: number;
};

type WriteBytes = (descriptor: number, bytes: Uint8Array) => number;

const NEWLINE = 0x0a;

function countLines(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => (byte === NEWLINE ? count + 1 : count), 0);
}

/**
 * The log file of one process, written here and not by the process itself: so that it can be exchanged while the process
 * runs, and so that a full disk costs lines of the log and nothing else. What is lost is counted, and said in the log as
 * soon as it can be written again.
 */
export class LogFile {
  readonly #file: string;
  readonly #limits: LogLimits;
  readonly #write: WriteBytes;
  #descriptor: number | null = null;
  #size = 0;
  #atLineStart = true;
  #lost = 0;
  #why = "";

  /** @param write takes as much as it can and answers how much that was; the file system's by default */
  constructor(file: string, limits: LogLimits, write: WriteBytes = writeSync) {
    this.#file = file;
    this.#limits = limits;
    this.#write = write;
  }

  /** Appends what a process has printed. It never throws. */
  append(bytes: Uint8Array): void {
    try {
      this.#rotate();
      this.#sayLoss();
      this.#writeAll(bytes);
    } catch (error) {
      this.#lost += Math.max(1, countLines(bytes));
      this.#why = (error as NodeJS.ErrnoException).code ?? "unknown";
    }
  }

  line(text: string): void {
    this.append(Buffer.from(`${text}\n`));
  }

  #sayLoss(): void {
    if (this.#lost === 0) {
      return;
    }

    const note = { level: 40, time: new Date().toISOString(), lost: this.#lost, code: this.#why };
    const text = JSON.stringify({ ...note, msg: "lines of this log could not be written" });

    // What failed may have been written in part.
    this.#writeAll(Buffer.from(`${this.#atLineStart ? "" : "\n"}${text}\n`));
    this.#lost = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    const descriptor = this.#open();

    for (let from = 0; from < bytes.length; ) {
      const written = this.#write(descriptor, bytes.subarray(from));

      from += written;
      this.#size += written;
      this.#atLineStart = bytes[from - 1] === NEWLINE;
    }
  }

  #open(): number {
    if (this.#descriptor === null) {
      this.#descriptor = openSync(this.#file, "a", 0o600);
      this.#size = statSync(this.#file).size;
    }

    return this.#descriptor;
  }

  #rotate(): void {
    this.#open();

    const { maxBytes, files } = this.#limits;

    if (this.#size <= maxBytes || !this.#atLineStart) {
      return;
    }

    const kept = (age: number) => (age === 0 ? this.#file : `${this.#file}.${age}`);

    rmSync(kept(files - 1), { force: true });

    for (let age = files - 2; age >= 0; age -= 1) {
      if (existsSync(kept(age))) {
        renameSync(kept(age), kept(age + 1));
      }
    }

    if (this.#descriptor !== null) {
      closeSync(this.#descriptor);
      this.#descriptor = null;
    }

    this.#open();
  }
}

/** Where a process's JSON lines go: DATA_DIR/logs/<name>.log. */
export function openLog(dataDir: string, name: string): LogFile {
  const { LOG_FILE_MEGABYTES: megabytes, LOG_FILES: files } = env();

  return new LogFile(join(dataDir, "logs", `${name}.log`), { maxBytes: megabytes * 1_048_576, files });
}

/** The file that runs a process: the bundle, or in development the TypeScript itself. */
export function processEntry(root: string, name: string): { entry: string; execArgv: string[] } {
  return env().NODE_ENV === "development"
    ? { entry: join(root, "bin", `${name}.ts`), execArgv: ["--import", "tsx"] }
    : { entry: join(root, "dist", `${name}.js`), execArgv: ["--enable-source-maps"] };
}
