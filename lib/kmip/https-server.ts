/**
 * KMIP over HTTPS (KMIP Profiles 1.4, 5.3): POST /kmip with a message in TTLV, XML or JSON, in front of the same engine
 * and behind the same pinned client certificates as the TLS server.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { EncodingError } from "./encoding/errors";
import { encodingOf, type MessageEncoding, wipeConverted } from "./encoding/media-types";
import type { EngineResponse, KmipEngine, RequestOrigin } from "./engine";
import type { EngineClock, EngineLogger, FailedHandshake, TenantDirectory } from "./ports";
import { type ServerTls, secureContextOptions } from "./server";
import { FailedHandshakes, fingerprint } from "./transport/failed-handshakes";
import { wipe } from "./ttlv/wipe";

/** Where messages are posted (Profiles 1.4, 5.3.3). */
const PATH = "/kmip";

/** Times in milliseconds, sizes in bytes. */
export type HttpsLimits = {
  readonly handshakeTimeoutMs: number;
  /** Between two requests. */
  readonly idleTimeoutMs: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  /** Without the client taking any of an answer. */
  readonly writeTimeoutMs: number;
  /** Of a request's body, in whichever encoding. */
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
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
  /** Called for each handshake that came to nothing. */
  readonly onFailedHandshake?: (failure: FailedHandshake) => void;
};

export type KmipHttpsServerStats = {
  readonly connections: number;
  /** Messages answered since the start. */
  readonly requests: number;
  /** Newest last, 50 at most. */
  readonly failedHandshakes: readonly FailedHandshake[];
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
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  requestTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  // XML takes several times the room of TTLV.
  maxBodyBytes: 4_194_304,
  maxHeaderBytes: 8_192,
  maxConnections: 1_000,
};

const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;

const peerOf = (socket: Duplex): string =>
  socket instanceof Socket ? `${socket.remoteAddress}|${socket.remotePort}` : "";

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
  const failures = new FailedHandshakes(clock, logger, options.onFailedHandshake);
  const sockets = new Set<Duplex>();
  /** Connections without TLS yet, by the client's address and port. */
  const handshaking = new Map<string, Duplex>();
  const byCertificate = new Map<string, Set<TLSSocket>>();
  /** Connections with a request in flight. */
  const serving = new Set<Duplex>();
  let requests = 0;
  let closing = false;

  const server = createServer({
    ...secureContextOptions(options.tls),
    requestCert: true,
    // Who may connect is decided by the pinned fingerprint, as on the TLS listener.
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeTimeoutMs,
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
  server.maxConnections = limits.maxConnections;
  // A connection on which no request ever begins.
  server.timeout = limits.idleTimeoutMs;

  server.on("connection", (socket) => {
    const peer = peerOf(socket);
    sockets.add(socket);
    handshaking.set(peer, socket);
    socket.once("close", () => {
      sockets.delete(socket);
      if (handshaking.get(peer) === socket) handshaking.delete(peer);
    });
  });
  server.on("tlsClientError", (error, socket) => {
    failures.recordTlsError(error, socket, socket.remoteAddress ?? "");
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    handshaking.delete(peerOf(socket));
    socket.on("error", () => socket.destroy());
    admit(socket).catch((error: unknown) => {
      logger.error({ err: error }, "A connection could not be admitted");
      socket.destroy();
    });
  });
  server.on("clientError", (_, socket) => socket.destroy());
  server.on("checkContinue", (request, response) => {
    // One that announces too much is refused without its body.
    const tooLarge = Number(request.headers["content-length"]) > limits.maxBodyBytes;
    if (!tooLarge) response.writeContinue();
    serve(request, response);
  });
  server.on("request", serve);
  server.on("error", (error) => logger.error({ err: error }, "The HTTPS listener failed"));

  const unsubscribe = tenants.onRevoked((certificateSha256) => {
    for (const socket of byCertificate.get(certificateSha256) ?? []) socket.destroy();
  });

  /** Ends connections of certificates that nobody pinned, before they have said anything. */
  async function admit(socket: TLSSocket): Promise<void> {
    const certificate = socket.getPeerX509Certificate();
    const refuse = (reason: FailedHandshake["reason"], detail: string) => {
      failures.record({
        remoteAddress: socket.remoteAddress ?? "",
        certificateSha256: certificate === undefined ? null : fingerprint(certificate.fingerprint256),
        subject: certificate?.subject ?? null,
        reason,
        detail,
      });
      socket.destroy();
    };
    if (certificate === undefined) return refuse("no-certificate", "the client presented no certificate");
    const certificateSha256 = fingerprint(certificate.fingerprint256);
    const siblings = byCertificate.get(certificateSha256) ?? new Set<TLSSocket>();
    byCertificate.set(certificateSha256, siblings.add(socket));
    socket.once("close", () => {
      siblings.delete(socket);
      if (siblings.size === 0) byCertificate.delete(certificateSha256);
    });
    if ((await tenants.resolve(certificateSha256)) === null) {
      refuse("not-pinned", "no instance has pinned this certificate");
    }
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    serving.add(socket);
    answer(request, response)
      .catch((error: unknown) => {
        if (!(error instanceof ClientGone)) {
          logger.error({ err: error }, "A request could not be answered, by a fault of the server");
        }
        socket.destroy();
      })
      .finally(() => serving.delete(socket));
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = await originOf(request);
    if (origin === null) {
      request.socket.destroy();
      return;
    }
    response.setTimeout(limits.writeTimeoutMs, () => request.socket.destroy());
    try {
      const encoding = judgeHead(request, limits.maxBodyBytes);
      const body = await readBody(request, limits.maxBodyBytes);
      // The time-out is the client's, to take the answer in: the engine's work does not count.
      response.setTimeout(0);
      try {
        const answered = await handle(body, encoding, origin);
        response.setTimeout(limits.writeTimeoutMs);
        if (closing) response.setHeader("Connection", "close");
        await send(response, encoding, answered);
        requests += 1;
      } finally {
        wipe(body);
      }
    } catch (error) {
      if (!(error instanceof HttpRefusal)) throw error;
      // What has come of the body is taken in, or closing would reset the connection before the answer is read.
      request.resume();
      refuseOverHttp(response, error);
    }
  }

  /** The certificate may have lost its tenant since the last request. */
  async function originOf(request: IncomingMessage): Promise<RequestOrigin | null> {
    const { socket } = request;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    if (certificate === undefined) return null;
    const { remoteAddress = "", remotePort = 0 } = socket;
    const tenant = await tenants.resolve(fingerprint(certificate.fingerprint256));
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
      if (!(error instanceof EncodingError)) throw error;
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
        server.listen({ host: options.host, port: options.port, backlog: 512 }, () => {
          server.off("error", fail);
          const bound = server.address();
          if (bound === null || typeof bound === "string")
            reject(new Error("The server is bound to no address"));
          else resolve(bound);
        });
      }),
    updateTls: (tls) => server.setSecureContext(secureContextOptions(tls)),
    async close({ timeoutMs = DEFAULT_CLOSE_TIMEOUT_MS } = {}) {
      closing = true;
      unsubscribe();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of [...handshaking.values()]) socket.destroy();
      for (const socket of [...byCertificate.values()].flatMap((set) => [...set])) {
        if (!serving.has(socket)) socket.destroy();
      }
      const timer = setTimeout(() => {
        for (const socket of [...sockets]) socket.destroy();
      }, timeoutMs);
      await closed;
      clearTimeout(timer);
    },
    stats: () => ({ connections: sockets.size, requests, failedHandshakes: failures.list() }),
  };
}

/** What the head of a request says about its body. @throws HttpRefusal */
function judgeHead(request: IncomingMessage, maxBodyBytes: number): MessageEncoding {
  const [path] = (request.url ?? "").split("?");
  if (path !== PATH) throw new HttpRefusal(404, "KMIP messages are posted to /kmip");
  if (request.method !== "POST") throw new HttpRefusal(405, "KMIP messages are posted", { Allow: "POST" });
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

/** The whole body in a buffer of its own. @throws HttpRefusal if it is too large, ClientGone if it does not end */
async function readBody(request: IncomingMessage, maxBodyBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      request.on("data", (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > maxBodyBytes) reject(new HttpRefusal(413, "The request message is too large"));
      });
      request.once("end", () => resolve());
      request.once("error", () => reject(new ClientGone()));
      request.once("close", () => reject(new ClientGone()));
    });
    return Buffer.concat(chunks, length);
  } finally {
    request.removeAllListeners("data");
    for (const chunk of chunks) wipe(chunk);
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
    if (!(error instanceof EncodingError)) throw error;
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
