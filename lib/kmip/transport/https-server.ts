/**
 * KMIP over HTTPS (KMIP Profiles 1.4, 5.3): POST /kmip with a message in TTLV, XML or JSON, in front of the same engine
 * and behind the same pinned client certificates as the TLS server.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { EncodingError } from "../encoding/errors";
import { encodingOfBytes, type MessageEncoding, wipeConverted } from "../encoding/media-types";
import type { EngineResponse, RequestOrigin } from "../engine/engine";
import { wipe } from "../ttlv/wipe";
import { type AdmissionLimits, DEFAULT_ADMISSION_LIMITS } from "./admission";
import type { AdmittedClient } from "./admitted-client";
import { ClientGone, encodingOfBody, HttpRefusal, readBody, sendAnswer, sendRefusal } from "./http-messages";
import {
  type KmipListener,
  Listener,
  type ListenerOptions,
  type ListenerStats,
  tlsServerOptions,
} from "./listener";

/** Times in milliseconds, sizes in bytes. */
export type HttpsLimits = AdmissionLimits & {
  /** Between two requests. */
  readonly idleTimeoutMs: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  /** Without the client taking any of an answer. */
  readonly writeTimeoutMs: number;
  /** Of a request's body, in whichever encoding. */
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  /** Requests that a connection may have sent ahead of their answers; HTTP has clients of POST wait (RFC 9112, 9.3.2). */
  readonly maxPipelined: number;
};

export type KmipHttpsServerOptions = ListenerOptions & { readonly limits?: Partial<HttpsLimits> };

export type KmipHttpsServer = KmipListener<ListenerStats>;

const DEFAULT_LIMITS: HttpsLimits = {
  ...DEFAULT_ADMISSION_LIMITS,
  idleTimeoutMs: 60_000,
  requestTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  // What TTLV says in a megabyte, XML and JSON say in two: bytes are hexadecimal there.
  maxBodyBytes: 2_097_152,
  maxHeaderBytes: 8_192,
  maxPipelined: 8,
};

/** A connection, from the end of its handshake. */
type Session = {
  readonly client: Promise<AdmittedClient | null>;
  /** Requests that are not answered yet, and the end of the last of them. */
  pending: number;
  last: Promise<void>;
};

/** Makes a server; call `listen()` to open it. */
export function createKmipHttpsServer(options: KmipHttpsServerOptions): KmipHttpsServer {
  return new HttpsListener(options, { ...DEFAULT_LIMITS, ...options.limits });
}

function createHttpsServer({ tls }: KmipHttpsServerOptions, limits: HttpsLimits) {
  const server = createServer({
    ...tlsServerOptions(tls, limits),
    ALPNProtocols: ["http/1.1"],
    maxHeaderSize: limits.maxHeaderBytes,
    keepAliveTimeout: limits.idleTimeoutMs,
    headersTimeout: limits.requestTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(1_000, limits.requestTimeoutMs / 2)),
    requireHostHeader: true,
  });
  // A connection on which no request ever begins.
  server.timeout = limits.idleTimeoutMs;
  return server;
}

class HttpsListener extends Listener<ListenerStats> {
  readonly #options: KmipHttpsServerOptions;
  readonly #limits: HttpsLimits;
  readonly #sessions = new Map<Duplex, Session>();
  #requests = 0;
  #closing = false;

  constructor(options: KmipHttpsServerOptions, limits: HttpsLimits) {
    const server = createHttpsServer(options, limits);
    super(server, limits, options);
    this.#options = options;
    this.#limits = limits;
    server.on("secureConnection", (socket) => {
      socket.on("error", () => socket.destroy());
      this.#openSession(socket);
    });
    server.on("clientError", (_, socket) => socket.destroy());
    server.on("checkContinue", (request, response) => {
      // One that announces too much is refused without its body.
      const tooLarge = Number(request.headers["content-length"]) > limits.maxBodyBytes;
      if (!tooLarge) {
        response.writeContinue();
      }
      this.#serve(request, response);
    });
    server.on("request", (request, response) => this.#serve(request, response));
  }

  #openSession(socket: TLSSocket): void {
    const client = this.admission.admit(socket, {
      isIdle: () => this.#sessions.get(socket)?.pending === 0,
      end: () => socket.destroy(),
      destroy: () => socket.destroy(),
    });
    this.#sessions.set(socket, { client, pending: 0, last: Promise.resolve() });
    socket.once("close", () => this.#sessions.delete(socket));
  }

  /** Answers the requests of a connection one after the other. */
  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const session = this.#sessions.get(socket);
    if (session === undefined || session.pending >= this.#limits.maxPipelined) {
      if (session !== undefined) {
        this.connectionLimits.hit("pipelined");
      }
      socket.destroy();
      return;
    }
    session.pending += 1;
    session.last = session.last
      .then(() => this.#answer(request, response, session))
      .catch((error: unknown) => {
        if (!(error instanceof ClientGone)) {
          const { logger } = this.#options;
          logger.error({ err: error }, "A request could not be answered, by a fault of the server");
        }
        socket.destroy();
      })
      .finally(() => {
        session.pending -= 1;
      });
  }

  async #answer(request: IncomingMessage, response: ServerResponse, session: Session): Promise<void> {
    const { writeTimeoutMs, maxBodyBytes } = this.#limits;
    const client = await session.client;
    if (client === null) {
      throw new ClientGone();
    }
    response.setTimeout(writeTimeoutMs, () => request.socket.destroy());
    try {
      await lookUp(client.origin());
      const declared = encodingOfBody(request, maxBodyBytes);
      const body = await readBody(request, maxBodyBytes, client.slot);
      const encoding = declared ?? encodingOfBytes(body);
      try {
        // The time-out is the client's, to take the answer in: the engine's work does not count.
        response.setTimeout(0);
        const answered = await this.#handle(body, encoding, await beginMessage(client));
        response.setTimeout(writeTimeoutMs);
        if (this.#closing) {
          response.setHeader("Connection", "close");
        }
        await sendAnswer(response, encoding, answered);
        this.#requests += 1;
      } finally {
        client.slot.hold(-body.length);
        wipe(body);
      }
    } catch (error) {
      if (!(error instanceof HttpRefusal)) {
        throw error;
      }
      // What has come of the body is taken in, or closing would reset the connection before the answer is read.
      request.resume();
      sendRefusal(response, error);
    }
  }

  /** A body that is no message is answered in KMIP, as HTTP has done its part. */
  async #handle(body: Buffer, encoding: MessageEncoding, origin: RequestOrigin): Promise<EngineResponse> {
    const { engine } = this.#options;
    let message: Uint8Array;
    try {
      message = encoding.toTtlv(body);
    } catch (error) {
      if (!(error instanceof EncodingError)) {
        throw error;
      }
      return engine.refuse(`The request cannot be read: ${error.message}`, origin);
    }
    try {
      return await engine.handle(message, origin);
    } finally {
      wipeConverted(message, body);
    }
  }

  /** Connections without a request end now; those with one are told to, and do as their client takes the answer. */
  protected drain(): Promise<unknown> {
    this.#closing = true;
    for (const [socket, { pending }] of [...this.#sessions]) {
      if (pending === 0) {
        socket.destroy();
      }
    }
    return Promise.resolve();
  }

  protected destroyConnections(): void {
    for (const socket of [...this.#sessions.keys()]) {
      socket.destroy();
    }
  }

  stats(): ListenerStats {
    return { ...this.admissionStats(), requests: this.#requests };
  }
}

/** @throws ClientGone if the connection is to end instead; HttpRefusal */
async function beginMessage(client: AdmittedClient): Promise<RequestOrigin> {
  const origin = await lookUp(client.beginMessage());
  if (client.socket.destroyed) {
    throw new ClientGone();
  }
  return origin;
}

/** @throws ClientGone for nobody; HttpRefusal while nobody can be looked up */
async function lookUp(found: Promise<RequestOrigin | null>): Promise<RequestOrigin> {
  let origin: RequestOrigin | null;
  try {
    origin = await found;
  } catch {
    throw new HttpRefusal(503, "The server cannot reach its database");
  }
  if (origin === null) {
    throw new ClientGone();
  }
  return origin;
}
