/**
 * One connection of an authenticated client: messages in, answers out, one at a time and in order.
 */
import type { TLSSocket } from "node:tls";
import type { EngineResponse, KmipEngine, RequestOrigin } from "../engine/engine";
import type { EngineLogger } from "../ports";
import type { AdmittedClient } from "./admitted-client";
import type { ConnectionSlot } from "./connection-limits";
import { Framer, type FramingError } from "./framer";

/** Times in milliseconds, sizes in bytes. */
export type MessageLimits = {
  /** Between two messages. */
  readonly idleTimeoutMs: number;
  /** From the first byte of a message to its last. */
  readonly requestTimeoutMs: number;
  /** From handing an answer to the socket until the client has read it. */
  readonly writeTimeoutMs: number;
  /** Request messages larger than this are refused by their 8-byte header. */
  readonly maxMessageBytes: number;
};

export type ConnectionOptions = {
  readonly client: AdmittedClient;
  readonly engine: KmipEngine;
  readonly logger: EngineLogger;
  readonly limits: MessageLimits;
  /** Called before a message is answered. */
  readonly onRequest: (certificateId: string) => void;
  /** Called after it. */
  readonly onAnswered: () => void;
  readonly onClosed: () => void;
};

const REFUSALS: { readonly [K in FramingError]: string } = {
  "not-kmip": "Not a KMIP request message",
  "too-large": "The request message is too large",
};

/** Frames, answers and times the messages of a connection. */
export class Connection {
  readonly certificateSha256: string;
  readonly #options: ConnectionOptions;
  readonly #socket: TLSSocket;
  readonly #slot: ConnectionSlot;
  readonly #framer: Framer;
  #resolveClosed: () => void = () => undefined;
  /** Resolves when the connection has ended. */
  readonly closed = new Promise<void>((resolve) => {
    this.#resolveClosed = resolve;
  });
  #answering = false;
  /** Nothing more is answered. */
  #ending = false;
  /** The client sends no more; what it has sent is still answered. */
  #inputEnded = false;
  #paused = false;
  /** When the last answer was given. This and the next are in monotonic milliseconds. */
  #idleSince = performance.now();
  /** When the message that is coming in began to. */
  #messageSince: number | null = null;
  /** When the client last took something of what is being written. */
  #writeSince: number | null = null;
  #writes = 0;
  /** When everything was said and only the client's side of the end was missing. */
  #endSince: number | null = null;
  /** Bytes of unfinished messages that the slot knows of. */
  #heldInput = 0;

  constructor(options: ConnectionOptions) {
    const { socket, certificateSha256, slot } = options.client;
    this.#options = options;
    this.certificateSha256 = certificateSha256;
    this.#socket = socket;
    this.#slot = slot;
    this.#framer = new Framer(options.limits.maxMessageBytes);
  }

  /** Starts listening to the client. */
  start(): void {
    const socket = this.#socket;
    // A client may close its side after its last message, and still wants the answer.
    socket.allowHalfOpen = true;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => {
      this.#inputEnded = true;
      if (!this.#answering) {
        this.#finish();
      }
    });
    socket.on("error", (error) => {
      this.#options.logger.debug(
        { err: error, remoteAddress: this.#options.client.remoteAddress },
        "Connection failed",
      );
      socket.destroy();
    });
    socket.on("close", () => {
      this.#ending = true;
      this.#framer.clear();
      this.#options.onClosed();
      this.#resolveClosed();
    });
    // The listener pauses connections until their turn, and Node hands the pause on.
    socket.resume();
  }

  /** Ends the connection once the request in flight, if there is one, is answered. */
  drain(): void {
    this.#ending = true;
    if (!this.#answering) {
      this.#finish();
    }
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#ending = true;
    this.#socket.destroy();
  }

  /** True while nothing is asked or answered. */
  isIdle(): boolean {
    return !this.#answering && !this.#ending && this.#messageSince === null && this.#writes === 0;
  }

  /** Which time-out has run out, or null. @param now monotonic milliseconds */
  expired(now: number): "idle" | "request" | "write" | "end" | null {
    const { idleTimeoutMs, requestTimeoutMs, writeTimeoutMs } = this.#options.limits;
    if (this.#writeSince !== null && now - this.#writeSince > writeTimeoutMs) {
      return "write";
    }
    if (this.#answering) {
      return null;
    }
    // A client that reads nothing does not take the end of TLS in either.
    if (this.#endSince !== null) {
      return now - this.#endSince > writeTimeoutMs ? "end" : null;
    }
    if (this.#messageSince !== null) {
      return now - this.#messageSince > requestTimeoutMs ? "request" : null;
    }
    return now - this.#idleSince > idleTimeoutMs ? "idle" : null;
  }

  #receive(chunk: Buffer): void {
    if (this.#ending) {
      return;
    }
    this.#messageSince ??= performance.now();
    this.#framer.push(chunk);
    if (this.#answering) {
      // Back-pressure: what is not answered yet stays with the client.
      this.#paused = true;
      this.#socket.pause();
      this.#countInput();
      return;
    }
    this.#answering = true;
    this.#answerAll().catch((error: unknown) => {
      this.#options.logger.error({ err: error }, "A connection was ended by a fault of the server");
      this.destroy();
    });
  }

  /** Answers every complete message, then listens on. */
  async #answerAll(): Promise<void> {
    for (;;) {
      const message = this.#ending ? null : this.#framer.next();
      if (this.#framer.buffered !== this.#heldInput) {
        this.#countInput();
      }
      if (message === null) {
        break;
      }
      this.#messageSince = this.#framer.buffered > 0 ? performance.now() : null;
      let origin: RequestOrigin | null;
      try {
        origin = await this.#options.client.beginMessage();
      } catch (error) {
        if (typeof message === "string") {
          throw error;
        }
        this.#options.logger.warn({ err: error }, "A client could not be looked up");
        await this.#send(this.#options.engine.excuse(message));
        continue;
      }
      if (origin === null || this.#socket.destroyed) {
        if (typeof message !== "string") {
          message.fill(0);
        }
        this.destroy();
        return;
      }
      if (typeof message === "string") {
        await this.#send(await this.#options.engine.refuse(REFUSALS[message], origin));
        this.#linger();
        return;
      }
      this.#options.onRequest(origin.tenant.certificateId);
      try {
        await this.#send(await this.#options.engine.handle(message, origin));
      } finally {
        this.#options.onAnswered();
      }
    }
    this.#answering = false;
    this.#idleSince = performance.now();
    if (this.#ending || this.#inputEnded) {
      this.#finish();
    } else if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
  }

  /** Tells the slot how much of unfinished messages is held here. */
  #countInput(): void {
    const { buffered } = this.#framer;
    const more = buffered - this.#heldInput;
    this.#heldInput = buffered;
    if (!this.#slot.hold(more)) {
      this.destroy();
    }
  }

  /** Ends the connection once the client has taken what was written. */
  #finish(): void {
    this.#endSince ??= performance.now();
    this.#socket.destroySoon();
  }

  /**
   * Says no more, and drops what still comes, so that the client can read why: closing at once would reset the
   * connection. The time-out of a request ends it.
   */
  #linger(): void {
    this.#ending = true;
    this.#framer.clear();
    this.#answering = false;
    this.#messageSince = performance.now();
    if (this.#inputEnded) {
      this.#finish();
    } else {
      this.#socket.end();
    }
    this.#socket.resume();
  }

  /** Writes an answer; resolves when the client may be sent more. The answer is zeroed when the socket has taken it. */
  async #send(response: EngineResponse): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writable) {
      response.release();
      return;
    }
    this.#writes += 1;
    this.#writeSince ??= performance.now();
    let held = 0;
    const roomLeft = socket.write(response.bytes, () => {
      response.release();
      this.#writes -= 1;
      this.#writeSince = this.#writes === 0 ? null : performance.now();
      if (held > 0) {
        this.#slot.hold(-held);
      }
    });
    if (roomLeft) {
      return;
    }
    held = response.bytes.length;
    if (!this.#slot.hold(held)) {
      this.destroy();
      return;
    }
    await new Promise<void>((resolve) => {
      const go = () => {
        socket.off("drain", go);
        socket.off("close", go);
        resolve();
      };
      socket.on("drain", go);
      socket.on("close", go);
    });
  }
}
