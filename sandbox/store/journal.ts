import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";

import { SandboxError } from "../errors";

/**
 * One line of a journal or snapshot: the CRC-32 of the text in eight hexadecimal digits, a space, the text, a
 * line feed. JSON text holds no line feed, so that a line is whole or recognisably not.
 */
export function encodeLine(text: string): string {
  return `${crc32(text).toString(16).padStart(8, "0")} ${text}\n`;
}

/** The text of a line (without its line feed), or undefined if it is damaged. */
function decodeLine(line: Buffer): string | undefined {
  if (line.length < 10 || line[8] !== 0x20) {
    return undefined;
  }
  const text = line.subarray(9);
  const expected = Number.parseInt(line.toString("latin1", 0, 8), 16);

  return crc32(text) === expected ? text.toString("utf8") : undefined;
}

export interface JournalScan {
  /** Length in bytes of the undamaged beginning. */
  goodBytes: number;
  /** Whether the end was cut off or damaged, as a crash in the middle of a write leaves it. */
  torn: boolean;
}

/**
 * Reads a journal from its beginning and hands each undamaged line to `onLine`, in order. Damage at the end is
 * what a crash leaves: those lines were never acknowledged, and are reported as `torn`. Damage that undamaged
 * lines follow is something else (a failing disk, an edit by hand) and throws SANDBOX_STORE_CORRUPT.
 */
export async function readJournal(path: string, onLine: (text: string) => void): Promise<JournalScan> {
  let goodBytes = 0;
  let damaged = false;
  let rest: Buffer[] = [];
  let restLength = 0;

  const take = (line: Buffer): void => {
    const text = decodeLine(line);
    if (text === undefined) {
      damaged = true;
      return;
    }
    if (damaged) {
      throw new SandboxError(
        "SANDBOX_STORE_CORRUPT",
        `The sandbox's journal ${path} is damaged at byte ${goodBytes}, before its end. Restore the folder from a copy, or remove it to start with an empty sandbox.`,
      );
    }
    onLine(text);
    goodBytes += line.length + 1;
  };

  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const chunk: Buffer = Buffer.isBuffer(piece) ? piece : Buffer.from(piece);
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      rest.push(chunk.subarray(start, end));
      take(rest.length === 1 ? chunk.subarray(start, end) : Buffer.concat(rest));
      rest = [];
      restLength = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      restLength += chunk.length - start;
    }
  }

  return { goodBytes, torn: damaged || restLength > 0 };
}

/** Makes a created, renamed or removed file name itself durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

interface Waiter {
  upTo: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/**
 * Appends lines to one journal file with group commit: what is appended while a write is under way goes to disk
 * together in the next one, so that many concurrent requests share one fdatasync. After a failed write nothing
 * more is accepted: the memory is then ahead of the disk, and only a restart brings them together.
 */
export class JournalWriter {
  readonly #handle: FileHandle;
  readonly #after: Promise<void>;
  #pending: string[] = [];
  #appended = 0;
  #durable = 0;
  #waiters: Waiter[] = [];
  #flushing: Promise<void> | undefined;
  #failure: SandboxError | undefined;
  #bytes: number;

  private constructor(handle: FileHandle, bytes: number, after: Promise<void>) {
    this.#handle = handle;
    this.#bytes = bytes;
    this.#after = after;
    // Whoever waits gets the rejection from settled(); with nobody waiting it is not an unhandled one.
    after.catch(() => {});
  }

  /**
   * Opens the journal for appending, making it (mode 0600) if it is not there.
   *
   * @param after nothing is written before this is fulfilled; the previous journal's `close()`, so that a line
   *   in a later journal proves that the earlier one is complete. Its rejection fails this writer too.
   */
  static async open(path: string, after: Promise<void> = Promise.resolve()): Promise<JournalWriter> {
    const handle = await open(path, "a", 0o600);
    const { size } = await handle.stat();
    await syncDirectory(dirname(path));

    return new JournalWriter(handle, size, after);
  }

  /** Bytes in the file, including what still waits to be written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Queues one line. It is durable once a later `settled()` is fulfilled. */
  append(text: string): void {
    if (this.#failure) {
      throw this.#failure;
    }
    const line = encodeLine(text);
    this.#pending.push(line);
    this.#appended += 1;
    this.#bytes += Buffer.byteLength(line);
    this.#flushing ??= this.#flush();
  }

  /**
   * Fulfilled when all that was appended before the call, here and in the journal before, is on disk; rejects
   * with SANDBOX_STORE_FAILED.
   */
  settled(): Promise<void> {
    if (this.#failure) {
      return Promise.reject(this.#failure);
    }
    if (this.#durable === this.#appended) {
      return this.#after;
    }

    return new Promise((resolve, reject) => {
      this.#waiters.push({ upTo: this.#appended, resolve, reject });
    });
  }

  /** Writes what is queued and closes the file. */
  async close(): Promise<void> {
    try {
      await this.settled();
    } finally {
      await this.#flushing;
      await this.#handle.close();
    }
  }

  async #flush(): Promise<void> {
    try {
      await this.#after;
      // One turn of the event loop, so that requests that arrived together are written together.
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#pending.length > 0) {
        const lines = this.#pending;
        this.#pending = [];
        await this.#write(Buffer.from(lines.join(""), "utf8"));
        await this.#handle.datasync();
        this.#durable += lines.length;
        this.#release();
      }
    } catch (error) {
      const failure = new SandboxError(
        "SANDBOX_STORE_FAILED",
        "The sandbox could not write its journal; it refuses everything until it is started again.",
        { cause: error },
      );
      this.#failure = failure;
      for (const waiter of this.#waiters) {
        waiter.reject(failure);
      }
      this.#waiters = [];
    } finally {
      this.#flushing = undefined;
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at);
      at += bytesWritten;
    }
  }

  #release(): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.upTo > this.#durable);
    for (const waiter of waiting) {
      if (waiter.upTo <= this.#durable) {
        waiter.resolve();
      }
    }
  }
}
