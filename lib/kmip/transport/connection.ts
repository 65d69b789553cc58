/**
 * One connection of an authenticated client: messages in, answers out, one at a time and in order.
 */
import type { TLSSocket } from "node:tls";
import type { EngineResponse, KmipEngine, RequestOrigin } from "../engine/engine";
import type { EngineLogger, TenantDirectory } from "../ports";
import type { Visitor } from "./admission";
import type { Place } from "./connection-limits";
import { Framer, type FramingError } from "./framer";

export type ConnectionLimits = {
  readonly idleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly maxMessageBytes: number;
};

export type ConnectionOptions = {
  readonly visitor: Visitor;
  readonly engine: KmipEngine;
  readonly tenants: TenantDirectory;
  readonly logger: EngineLogger;
  readonly limits: ConnectionLimits;
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

export class Connection {
  readonly certificateSha256: string;
  readonly #options: ConnectionOptions;
  readonly #socket: TLSSocket;
  readonly #place: Place;
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
  /** Bytes of unfinished messages that the place knows of. */
  #heldInput = 0;
  /** As of the last message. */
  #lastOrigin: RequestOrigin | null = null;

  constructor(options: ConnectionOptions) {
    const { socket, certificateSha256, place } = options.visitor;
    this.#options = options;
    this.certificateSha256 = certificateSha256;
    this.#socket = socket;
    this.#place = place;
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
        { err: error, remoteAddress: this.#options.visitor.remoteAddress },
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
      let origin = await this.#origin();
      const wait = origin === null ? null : this.#place.enter(origin.tenant);
      // Who had to wait may have lost its tenant meanwhile.
      if (wait !== null) {
        origin = (await wait) ? await this.#origin() : null;
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

  /** Tells the place how much of unfinished messages is held here. */
  #countInput(): void {
    const { buffered } = this.#framer;
    const more = buffered - this.#heldInput;
    this.#heldInput = buffered;
    if (!this.#place.hold(more)) {
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

  /** The certificate may have lost its tenant since the last message. */
  async #origin(): Promise<RequestOrigin | null> {
    const { tenants, visitor } = this.#options;
    const tenant = await tenants.resolve(visitor.certificateSha256);
    if (tenant === null) {
      return null;
    }
    if (this.#lastOrigin?.tenant !== tenant) {
      const { remoteAddress, remotePort } = visitor;
      this.#lastOrigin = { tenant, remoteAddress, remotePort };
    }
    return this.#lastOrigin;
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
        this.#place.hold(-held);
      }
    });
    if (roomLeft) {
      return;
    }
    held = response.bytes.length;
    if (!this.#place.hold(held)) {
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
