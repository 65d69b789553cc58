/**
 * KMIP over HTTPS (KMIP Profiles 1.4, 5.3): POST /kmip with a message in TTLV, XML or JSON, in front of the same engine
 * and behind the same pinned client certificates as the TLS server.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { EncodingError } from "../encoding/errors";
import { encodingOf, type MessageEncoding, wipeConverted } from "../encoding/media-types";
import type { EngineResponse, KmipEngine, RequestOrigin } from "../engine/engine";
import type { EngineClock, EngineLogger, FailedHandshake, TenantDirectory } from "../ports";
import { wipe } from "../ttlv/wipe";
import {
  DEFAULT_RECEPTION_LIMITS,
  Reception,
  type ReceptionLimits,
  type Visitor,
  type VisitorGuest,
} from "./admission";
import { type Place, Traffic } from "./connection-limits";
import type { FailedHandshakeCounts } from "./failed-handshakes";
import { GrowingBuffer } from "./growing-buffer";
import { type ServerTls, secureContextOptions } from "./tls-policy";

/** Where messages are posted (Profiles 1.4, 5.3.3). */
const PATH = "/kmip";

/** Times in milliseconds, sizes in bytes. */
export type HttpsLimits = ReceptionLimits & {
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

export type KmipHttpsServerOptions = {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly tls: ServerTls;
  readonly engine: KmipEngine;
  readonly tenants: TenantDirectory;
  readonly logger: EngineLogger;
  readonly clock?: EngineClock;
  readonly limits?: Partial<HttpsLimits>;
  /** What the listeners of a process share out; default: one of the listener's own. */
  readonly traffic?: Traffic;
  /** Called for each handshake that came to nothing. */
  readonly onFailedHandshake?: (failure: FailedHandshake) => void;
};

export type KmipHttpsServerStats = {
  readonly connections: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Messages answered since the start. */
  readonly requests: number;
  /** Newest last, 50 at most, one of a kind from one address. */
  readonly failedHandshakes: readonly FailedHandshake[];
  /** All since the start. */
  readonly failedHandshakeCounts: FailedHandshakeCounts;
};

export interface KmipHttpsServer {
  /** Starts listening. @throws the error of node:net (EADDRINUSE …) */
  listen(): Promise<AddressInfo>;
  /** Swaps the server's certificates: new handshakes use the new ones. */
  updateTls(tls: ServerTls): void;
  /** Stops accepting, lets requests in flight finish; destroys what is left after the time. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  stats(): KmipHttpsServerStats;
}

const DEFAULT_LIMITS: HttpsLimits = {
  ...DEFAULT_RECEPTION_LIMITS,
  idleTimeoutMs: 60_000,
  requestTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  // What TTLV says in a megabyte, XML and JSON say in two: bytes are hexadecimal there.
  maxBodyBytes: 2_097_152,
  maxHeaderBytes: 8_192,
  maxPipelined: 8,
};

const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;
const BACKLOG = 4_096;

/** A connection, from the end of its handshake. */
type Session = {
  readonly visitor: Promise<Visitor | null>;
  /** Requests that are not answered yet, and the end of the last of them. */
  pending: number;
  last: Promise<void>;
};

/** A request that HTTP alone can refuse; the reason is plain text for people. */
class HttpRefusal extends Error {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };

  constructor(status: number, message: string, headers: { readonly [name: string]: string } = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The client has gone, or sends no more in time: nobody is there to be answered. */
class ClientGone extends Error {}

/** Makes a server; call `listen()` to open it. */
export function createKmipHttpsServer(options: KmipHttpsServerOptions): KmipHttpsServer {
  const { engine, tenants, logger } = options;
  const limits: HttpsLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const clock: EngineClock = options.clock ?? { now: () => new Date() };
  const traffic = options.traffic ?? new Traffic();
  const sessions = new Map<Duplex, Session>();
  let requests = 0;
  let closing = false;

  const server = createServer({
    ...secureContextOptions(options.tls),
    requestCert: true,
    // Who may connect is decided by the pinned fingerprint, as on the TLS listener.
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeTimeoutMs,
    pauseOnConnect: true,
    ALPNProtocols: ["http/1.1"],
    noDelay: true,
    keepAlive: true,
    maxHeaderSize: limits.maxHeaderBytes,
    keepAliveTimeout: limits.idleTimeoutMs,
    headersTimeout: limits.requestTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(1_000, limits.requestTimeoutMs / 2)),
    requireHostHeader: true,
  });
  // A connection on which no request ever begins.
  server.timeout = limits.idleTimeoutMs;

  const reception = new Reception({
    server,
    tenants,
    traffic,
    logger,
    clock,
    limits,
    ...(options.onFailedHandshake === undefined ? {} : { onFailedHandshake: options.onFailedHandshake }),
  });

  server.on("secureConnection", (socket) => {
    socket.on("error", () => socket.destroy());
    openSession(socket);
  });
  server.on("clientError", (_, socket) => socket.destroy());
  server.on("checkContinue", (request, response) => {
    // One that announces too much is refused without its body.
    const tooLarge = Number(request.headers["content-length"]) > limits.maxBodyBytes;
    if (!tooLarge) {
      response.writeContinue();
    }
    serve(request, response);
  });
  server.on("request", serve);

  function openSession(socket: TLSSocket): void {
    const guest: VisitorGuest = {
      isIdle: () => sessions.get(socket)?.pending === 0,
      end: () => socket.destroy(),
      destroy: () => socket.destroy(),
    };
    sessions.set(socket, {
      visitor: reception.admit(socket, guest),
      pending: 0,
      last: Promise.resolve(),
    });
    socket.once("close", () => sessions.delete(socket));
  }

  /** Answers the requests of a connection one after the other. */
  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const session = sessions.get(socket);
    if (session === undefined || session.pending >= limits.maxPipelined) {
      if (session !== undefined) {
        traffic.hit("pipelined");
      }
      socket.destroy();
      return;
    }
    session.pending += 1;
    session.last = session.last
      .then(() => answer(request, response, session))
      .catch((error: unknown) => {
        if (!(error instanceof ClientGone)) {
          logger.error({ err: error }, "A request could not be answered, by a fault of the server");
        }
        socket.destroy();
      })
      .finally(() => {
        session.pending -= 1;
      });
  }

  async function answer(request: IncomingMessage, response: ServerResponse, session: Session): Promise<void> {
    const visitor = await session.visitor;
    if (visitor === null || (await originOf(visitor)) === null) {
      throw new ClientGone();
    }
    response.setTimeout(limits.writeTimeoutMs, () => request.socket.destroy());
    try {
      const encoding = judgeHead(request, limits.maxBodyBytes);
      const body = await readBody(request, limits.maxBodyBytes, visitor.place);
      try {
        // The time-out is the client's, to take the answer in: the engine's work does not count.
        response.setTimeout(0);
        const answered = await handle(body, encoding, await enter(visitor));
        response.setTimeout(limits.writeTimeoutMs);
        if (closing) {
          response.setHeader("Connection", "close");
        }
        await send(response, encoding, answered);
        requests += 1;
      } finally {
        visitor.place.hold(-body.length);
        wipe(body);
      }
    } catch (error) {
      if (!(error instanceof HttpRefusal)) {
        throw error;
      }
      // What has come of the body is taken in, or closing would reset the connection before the answer is read.
      request.resume();
      refuseOverHttp(response, error);
    }
  }

  /** Waits for the message's turn. @throws ClientGone if the connection is to end instead */
  async function enter(visitor: Visitor): Promise<RequestOrigin> {
    let origin = await originOf(visitor);
    const wait = origin === null ? null : visitor.place.enter(origin.tenant);
    // Who had to wait may have lost its tenant meanwhile.
    if (wait !== null) {
      origin = (await wait) ? await originOf(visitor) : null;
    }
    if (origin === null || visitor.socket.destroyed) {
      throw new ClientGone();
    }
    return origin;
  }

  /** The certificate may have lost its tenant since the last request. */
  async function originOf(visitor: Visitor): Promise<RequestOrigin | null> {
    const { certificateSha256, remoteAddress, remotePort } = visitor;
    const tenant = await tenants.resolve(certificateSha256);
    return tenant === null ? null : { tenant, remoteAddress, remotePort };
  }

  /** A body that is no message is answered in KMIP, as HTTP has done its part. */
  async function handle(
    body: Buffer,
    encoding: MessageEncoding,
    origin: RequestOrigin,
  ): Promise<EngineResponse> {
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

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        const fail = (error: Error) => reject(error);
        server.once("error", fail);
        server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
          server.off("error", fail);
          const bound = server.address();
          if (bound === null || typeof bound === "string") {
            reject(new Error("The server is bound to no address"));
          } else {
            resolve(bound);
          }
        });
      }),
    updateTls: (tls) => server.setSecureContext(secureContextOptions(tls)),
    async close({ timeoutMs = DEFAULT_CLOSE_TIMEOUT_MS } = {}) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      reception.close();
      for (const [socket, { pending }] of [...sessions]) {
        if (pending === 0) {
          socket.destroy();
        }
      }
      const timer = setTimeout(() => {
        for (const socket of [...sessions.keys()]) {
          socket.destroy();
        }
      }, timeoutMs);
      await closed;
      clearTimeout(timer);
    },
    stats: () => ({
      connections: reception.connections,
      accepted: reception.accepted,
      requests,
      failedHandshakes: reception.failures.list(),
      failedHandshakeCounts: reception.failures.counts(),
    }),
  };
}

/** What the head of a request says about its body. @throws HttpRefusal */
function judgeHead(request: IncomingMessage, maxBodyBytes: number): MessageEncoding {
  const [path] = (request.url ?? "").split("?");
  if (path !== PATH) {
    throw new HttpRefusal(404, "KMIP messages are posted to /kmip");
  }
  if (request.method !== "POST") {
    throw new HttpRefusal(405, "KMIP messages are posted", { Allow: "POST" });
  }
  const encoding = encodingOf(request.headers["content-type"]);
  if (encoding === undefined || request.headers["content-encoding"] !== undefined) {
    throw new HttpRefusal(415, "Content-Type is application/octet-stream, text/xml or application/json");
  }
  const length = request.headers["content-length"];
  if (length === undefined && request.headers["transfer-encoding"] === undefined) {
    throw new HttpRefusal(411, "Content-Length is missing");
  }
  if (length !== undefined && Number(length) > maxBodyBytes) {
    throw new HttpRefusal(413, "The request message is too large");
  }
  return encoding;
}

/**
 * The whole body in a buffer of its own, however it was cut up; the place holds its length until it is given back.
 * @throws HttpRefusal if it is too large, ClientGone if it does not end, or the connection is to end
 */
async function readBody(request: IncomingMessage, maxBodyBytes: number, place: Place): Promise<Buffer> {
  const body = new GrowingBuffer();
  try {
    await new Promise<void>((resolve, reject) => {
      request.on("data", (chunk: Buffer) => {
        if (body.length + chunk.length > maxBodyBytes) {
          reject(new HttpRefusal(413, "The request message is too large"));
        } else {
          body.append(chunk);
          if (!place.hold(chunk.length)) {
            reject(new ClientGone());
          }
        }
        wipe(chunk);
      });
      request.once("end", () => resolve());
      request.once("error", () => reject(new ClientGone()));
      request.once("close", () => reject(new ClientGone()));
    });
    return body.take();
  } catch (error) {
    place.hold(-body.length);
    body.clear();
    throw error;
  } finally {
    request.removeAllListeners("data");
  }
}

/** Writes an answer; resolves when the socket has taken it, or is gone. What carries keys is zeroed then. */
async function send(
  response: ServerResponse,
  encoding: MessageEncoding,
  answered: EngineResponse,
): Promise<void> {
  let body: Uint8Array;
  try {
    body = encoding.fromTtlv(answered.bytes);
  } catch (error) {
    answered.release();
    if (!(error instanceof EncodingError)) {
      throw error;
    }
    throw new HttpRefusal(500, `The answer cannot be written as ${encoding.mediaType}: ${error.message}`);
  }
  try {
    response.writeHead(200, {
      "Content-Type": encoding.mediaType,
      "Content-Length": String(body.length),
      "Cache-Control": "no-cache",
    });
    await new Promise<void>((resolve) => {
      response.once("close", resolve);
      response.end(body, () => resolve());
    });
  } finally {
    wipeConverted(body, answered.bytes);
    answered.release();
  }
}

/** Refuses in plain text and ends the connection: what is left of the body is not worth reading. */
function refuseOverHttp(response: ServerResponse, refusal: HttpRefusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = `${refusal.message}\n`;
  response.writeHead(refusal.status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-cache",
    Connection: "close",
    ...refusal.headers,
  });
  response.end(body);
}
