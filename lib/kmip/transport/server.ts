/**
 * The KMIP server: TLS connections of pinned client certificates in front of an engine.
 */
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { KmipEngine } from "../engine/engine";
import type { EngineClock, EngineLogger, FailedHandshake, TenantDirectory } from "../ports";
import { DEFAULT_RECEPTION_LIMITS, Reception, type ReceptionLimits, type VisitorGuest } from "./admission";
import { Connection } from "./connection";
import { Traffic } from "./connection-limits";
import type { FailedHandshakeCounts } from "./failed-handshakes";
import { type ServerTls, secureContextOptions } from "./tls-policy";

export { DEFAULT_RECEPTION_LIMITS } from "./admission";
export { DEFAULT_TRAFFIC_LIMITS, Traffic, type TrafficLimits } from "./connection-limits";
export { type ServerTls, tlsPolicy } from "./tls-policy";

/** Times in milliseconds, sizes in bytes. */
export type ServerLimits = ReceptionLimits & {
  /** Between two messages. */
  readonly idleTimeoutMs: number;
  /** From the first byte of a message to its last. */
  readonly requestTimeoutMs: number;
  /** From handing an answer to the socket until the client has read it. */
  readonly writeTimeoutMs: number;
  /** Request messages larger than this are refused by their 8-byte header. */
  readonly maxMessageBytes: number;
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
  /** What the listeners of a process share out; default: one of the listener's own. */
  readonly traffic?: Traffic;
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
  /** Connections whose handshake, or admission, is under way. */
  readonly handshaking: number;
  /** Newest last, 50 at most, one of a kind from one address. */
  readonly failedHandshakes: readonly FailedHandshake[];
  /** All since the start. */
  readonly failedHandshakeCounts: FailedHandshakeCounts;
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
  ...DEFAULT_RECEPTION_LIMITS,
  idleTimeoutMs: 600_000,
  requestTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  maxMessageBytes: 1_048_576,
};

const SEEN_INTERVAL_MS = 60_000;
const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;

/** Connections that the kernel finishes ahead of us: a cluster that powers up comes all at once. */
const BACKLOG = 4_096;

/** Makes a server; call `listen()` to open it. */
export function createKmipServer(options: KmipServerOptions): KmipServer {
  const { engine, tenants, logger } = options;
  const limits: ServerLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const clock: EngineClock = options.clock ?? { now: () => new Date() };
  const traffic = options.traffic ?? new Traffic();
  const connections = new Set<Connection>();
  const lastSeen = new Map<string, number>();
  const counters = { requests: 0, inFlight: 0 };

  const server = createServer({
    ...secureContextOptions(options.tls),
    // Who may connect is decided by the pinned fingerprint: vCenter's certificates are self-signed.
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeTimeoutMs,
    pauseOnConnect: true,
    noDelay: true,
    keepAlive: true,
  });
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
    // Until a Connection takes over, an error has no other listener, and would end the process.
    const ignore = () => socket.destroy();
    socket.on("error", ignore);
    void admit(socket, ignore);
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
      if (expired === null) {
        continue;
      }
      logger.debug({ certificateSha256: connection.certificateSha256, expired }, "Connection timed out");
      if (expired === "idle") {
        connection.drain();
      } else {
        connection.destroy();
      }
    }
    for (const [certificateId, at] of lastSeen) {
      if (now - at > SEEN_INTERVAL_MS) {
        lastSeen.delete(certificateId);
      }
    }
  }

  async function admit(socket: TLSSocket, ignore: () => void): Promise<void> {
    let connection: Connection | null = null;
    const guest: VisitorGuest = {
      isIdle: () => connection?.isIdle() ?? false,
      end: () => connection?.drain(),
      destroy: () => (connection ?? socket).destroy(),
    };
    const visitor = await reception.admit(socket, guest);
    if (visitor === null) {
      return;
    }
    const made = new Connection({
      visitor,
      engine,
      tenants,
      logger,
      limits,
      onRequest: (certificateId) => {
        counters.inFlight += 1;
        seen(certificateId, visitor.remoteAddress);
      },
      onAnswered: () => {
        counters.inFlight -= 1;
        counters.requests += 1;
      },
      onClosed: () => connections.delete(made),
    });
    connection = made;
    connections.add(made);
    made.start();
    socket.off("error", ignore);
    if (!server.listening) {
      made.drain();
    }
  }

  function seen(certificateId: string, remoteAddress: string): void {
    if (options.onSeen === undefined) {
      return;
    }
    const now = performance.now();
    const before = lastSeen.get(certificateId);
    if (before !== undefined && now - before < SEEN_INTERVAL_MS) {
      return;
    }
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
        server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
          server.off("error", fail);
          const bound = address();
          if (bound === null) {
            reject(new Error("The server is bound to no address"));
          } else {
            resolve(bound);
          }
        });
      }),
    address,
    updateTls: (tls) => server.setSecureContext(secureContextOptions(tls)),
    async close({ timeoutMs = DEFAULT_CLOSE_TIMEOUT_MS } = {}) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      reception.close();
      for (const connection of [...connections]) {
        connection.drain();
      }
      const timer = setTimeout(() => {
        for (const connection of [...connections]) {
          connection.destroy();
        }
      }, timeoutMs);
      await Promise.all([closed, ...[...connections].map((connection) => connection.closed)]);
      clearTimeout(timer);
      clearInterval(sweeper);
    },
    stats: () => ({
      connections: connections.size,
      connectionsByCertificate: reception.connectionsByCertificate(),
      accepted: reception.accepted,
      ...counters,
      handshaking: reception.handshaking,
      failedHandshakes: reception.failures.list(),
      failedHandshakeCounts: reception.failures.counts(),
    }),
  };
}
