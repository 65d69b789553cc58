/**
 * The KMIP server: TLS connections of pinned client certificates in front of an engine.
 */
import type { AddressInfo, Socket } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import type { KmipEngine } from "./engine";
import type { EngineClock, EngineLogger, FailedHandshake, TenantDirectory } from "./ports";
import { Connection } from "./transport/connection";
import { FailedHandshakes, fingerprint } from "./transport/failed-handshakes";

/** Certificates and policy of the listener's TLS side. */
export type ServerTls = {
  /** PEM: the server's certificate, followed by its chain; several for ECDSA and RSA side by side. */
  readonly cert: string | readonly string[];
  /** PEM: the private key(s), in the order of `cert`. */
  readonly key: string | readonly string[];
  /** Default TLSv1.2. */
  readonly minVersion?: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  /** OpenSSL cipher list for TLS 1.2 and below; default: forward secrecy with AEAD only. */
  readonly ciphers?: string;
};

/** Times in milliseconds, sizes in bytes. */
export type ServerLimits = {
  /** From the TCP connection to the end of the TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /** Between two messages. */
  readonly idleTimeoutMs: number;
  /** From the first byte of a message to its last. */
  readonly requestTimeoutMs: number;
  /** From handing an answer to the socket until the client has read it. */
  readonly writeTimeoutMs: number;
  /** Request messages larger than this are refused by their 8-byte header. */
  readonly maxMessageBytes: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerCertificate: number;
};

export type KmipServerOptions = {
  /** Address to listen on. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly tls: ServerTls;
  readonly engine: KmipEngine;
  readonly tenants: TenantDirectory;
  readonly logger: EngineLogger;
  readonly clock?: EngineClock;
  readonly limits?: Partial<ServerLimits>;
  /** Called for each handshake that came to nothing (the last 50 are in `stats()` too). */
  readonly onFailedHandshake?: (failure: FailedHandshake) => void;
  /** Called when a certificate was used, at most once a minute for each. */
  readonly onSeen?: (certificateId: string, remoteAddress: string) => void;
};

export type KmipServerStats = {
  readonly connections: number;
  /** Open connections by certificate fingerprint (SHA-256, lower-case hexadecimal). */
  readonly connectionsByCertificate: ReadonlyMap<string, number>;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Messages answered since the start. */
  readonly requests: number;
  /** Messages being answered now. */
  readonly inFlight: number;
  /** Newest last, 50 at most. */
  readonly failedHandshakes: readonly FailedHandshake[];
};

export interface KmipServer {
  /** Starts listening. @throws the error of node:net (EADDRINUSE …) */
  listen(): Promise<AddressInfo>;
  /** Where it listens; null before `listen` and after `close`. */
  address(): AddressInfo | null;
  /** Swaps the server's certificates: new handshakes use the new ones, open connections stay. */
  updateTls(tls: ServerTls): void;
  /** Stops accepting, lets requests in flight finish, ends all connections; destroys what is left after the time. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  stats(): KmipServerStats;
}

const DEFAULT_LIMITS: ServerLimits = {
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 600_000,
  requestTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  maxMessageBytes: 1_048_576,
  maxConnections: 20_000,
  maxConnectionsPerCertificate: 20_000,
};

/** Forward secrecy and authenticated encryption only. */
const CIPHERS_TLS12 = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");
/** Named in full: without them Node would take TLS 1.3 away. */
const CIPHERS_TLS13 = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";

const SEEN_INTERVAL_MS = 60_000;
const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;

/** What Node's TLS servers want to know of certificates and policy. */
export function secureContextOptions(tls: ServerTls): TlsOptions {
  return {
    cert: typeof tls.cert === "string" ? tls.cert : [...tls.cert],
    key: typeof tls.key === "string" ? tls.key : [...tls.key],
    minVersion: tls.minVersion ?? "TLSv1.2",
    ciphers: `${CIPHERS_TLS13}:${tls.ciphers ?? CIPHERS_TLS12}`,
    honorCipherOrder: true,
  };
}

const peerOf = (socket: Socket): string => `${socket.remoteAddress}|${socket.remotePort}`;

/** Makes a server; call `listen()` to open it. */
export function createKmipServer(options: KmipServerOptions): KmipServer {
  const { engine, tenants, logger } = options;
  const limits: ServerLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const clock: EngineClock = options.clock ?? { now: () => new Date() };
  const failures = new FailedHandshakes(clock, logger, options.onFailedHandshake);
  const connections = new Set<Connection>();
  const byCertificate = new Map<string, Set<Connection>>();
  /** Connections that are not admitted yet, by the client's address and port. */
  const handshaking = new Map<string, Socket>();
  const lastSeen = new Map<string, number>();
  const counters = { accepted: 0, requests: 0, inFlight: 0 };
  let closing = false;

  const server = createServer({
    ...secureContextOptions(options.tls),
    // Who may connect is decided by the pinned fingerprint: vCenter's certificates are self-signed.
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeTimeoutMs,
    noDelay: true,
    keepAlive: true,
  });
  server.maxConnections = limits.maxConnections;

  server.on("connection", (socket) => {
    const peer = peerOf(socket);
    handshaking.set(peer, socket);
    socket.once("close", () => {
      if (handshaking.get(peer) === socket) handshaking.delete(peer);
    });
  });
  server.on("tlsClientError", (error, socket) => {
    failures.recordTlsError(error, socket, socket.remoteAddress ?? "");
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    const peer = peerOf(socket);
    // Until a Connection takes over, an error has no other listener, and would end the process.
    const ignore = () => socket.destroy();
    socket.on("error", ignore);
    admit(socket, ignore)
      .catch((error: unknown) => {
        logger.error({ err: error }, "A connection could not be admitted");
        socket.destroy();
      })
      .finally(() => handshaking.delete(peer));
  });
  server.on("error", (error) => logger.error({ err: error }, "The KMIP listener failed"));

  const unsubscribe = tenants.onRevoked((certificateSha256) => {
    for (const connection of byCertificate.get(certificateSha256) ?? []) connection.destroy();
  });

  const sweepEvery = Math.max(
    20,
    Math.min(1000, limits.idleTimeoutMs / 4, limits.requestTimeoutMs / 4, limits.writeTimeoutMs / 4),
  );
  const sweeper = setInterval(sweep, sweepEvery);
  sweeper.unref();

  /** Ends connections whose time is up, and forgets who was seen long ago. */
  function sweep(): void {
    const now = performance.now();
    for (const connection of connections) {
      const expired = connection.expired(now);
      if (expired === null) continue;
      logger.debug({ certificateSha256: connection.certificateSha256, expired }, "Connection timed out");
      if (expired === "idle") connection.drain();
      else connection.destroy();
    }
    for (const [certificateId, at] of lastSeen) {
      if (now - at > SEEN_INTERVAL_MS) lastSeen.delete(certificateId);
    }
  }

  /** Decides by the certificate whether a client may speak. */
  async function admit(socket: TLSSocket, ignore: () => void): Promise<void> {
    const remoteAddress = socket.remoteAddress ?? "";
    const remotePort = socket.remotePort ?? 0;
    const certificate = socket.destroyed ? undefined : socket.getPeerX509Certificate();
    const refuse = (reason: FailedHandshake["reason"], detail: string) => {
      failures.record({
        remoteAddress,
        certificateSha256: certificate === undefined ? null : fingerprint(certificate.fingerprint256),
        subject: certificate?.subject ?? null,
        reason,
        detail,
      });
      socket.destroy();
    };
    if (socket.destroyed) return refuse("closed", "the client closed the connection after the handshake");
    if (certificate === undefined) return refuse("no-certificate", "the client presented no certificate");
    const certificateSha256 = fingerprint(certificate.fingerprint256);
    const tenant = await tenants.resolve(certificateSha256);
    if (tenant === null) return refuse("not-pinned", "no instance has pinned this certificate");
    if (socket.destroyed) return refuse("closed", "the client closed the connection after the handshake");
    const siblings = byCertificate.get(certificateSha256) ?? new Set<Connection>();
    if (siblings.size >= limits.maxConnectionsPerCertificate) {
      return refuse("closed", "too many connections of this certificate");
    }
    if (closing) {
      socket.destroy();
      return;
    }
    counters.accepted += 1;
    const connection = new Connection({
      socket,
      certificateSha256,
      remoteAddress,
      remotePort,
      engine,
      tenants,
      logger,
      limits,
      onRequest: (certificateId) => {
        counters.inFlight += 1;
        seen(certificateId, remoteAddress);
      },
      onAnswered: () => {
        counters.inFlight -= 1;
        counters.requests += 1;
      },
      onClosed: () => {
        connections.delete(connection);
        siblings.delete(connection);
        if (siblings.size === 0) byCertificate.delete(certificateSha256);
      },
    });
    connections.add(connection);
    siblings.add(connection);
    byCertificate.set(certificateSha256, siblings);
    connection.start();
    socket.off("error", ignore);
  }

  function seen(certificateId: string, remoteAddress: string): void {
    if (options.onSeen === undefined) return;
    const now = performance.now();
    const before = lastSeen.get(certificateId);
    if (before !== undefined && now - before < SEEN_INTERVAL_MS) return;
    lastSeen.set(certificateId, now);
    try {
      options.onSeen(certificateId, remoteAddress);
    } catch (error) {
      logger.error({ err: error }, "The listener for seen certificates failed");
    }
  }

  const address = (): AddressInfo | null => {
    const bound = server.address();
    return bound === null || typeof bound === "string" ? null : bound;
  };

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        const fail = (error: Error) => reject(error);
        server.once("error", fail);
        server.listen({ host: options.host, port: options.port, backlog: 1024 }, () => {
          server.off("error", fail);
          const bound = address();
          if (bound === null) reject(new Error("The server is bound to no address"));
          else resolve(bound);
        });
      }),
    address,
    updateTls: (tls) => server.setSecureContext(secureContextOptions(tls)),
    async close({ timeoutMs = DEFAULT_CLOSE_TIMEOUT_MS } = {}) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      unsubscribe();
      for (const socket of [...handshaking.values()]) socket.destroy();
      for (const connection of [...connections]) connection.drain();
      const timer = setTimeout(() => {
        for (const connection of [...connections]) connection.destroy();
      }, timeoutMs);
      await Promise.all([closed, ...[...connections].map((connection) => connection.closed)]);
      clearTimeout(timer);
      clearInterval(sweeper);
    },
    stats: () => ({
      connections: connections.size,
      connectionsByCertificate: new Map([...byCertificate].map(([sha256, set]) => [sha256, set.size])),
      ...counters,
      failedHandshakes: failures.list(),
    }),
  };
}
