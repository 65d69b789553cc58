/**
 * The KMIP server: TLS connections of pinned client certificates in front of an engine.
 */
import { createServer, type TLSSocket } from "node:tls";
import { type AdmissionLimits, DEFAULT_ADMISSION_LIMITS } from "./admission";
import { Connection, type MessageLimits } from "./connection";
import type { ConnectionHandle } from "./connection-limits";
import {
  type KmipListener,
  Listener,
  type ListenerOptions,
  type ListenerStats,
  tlsServerOptions,
} from "./listener";
import { SeenCertificates, type SeenListener } from "./seen-certificates";

export { DEFAULT_ADMISSION_LIMITS } from "./admission";
export {
  type ConnectionLimitSettings,
  ConnectionLimits,
  DEFAULT_CONNECTION_LIMITS,
} from "./connection-limits";
export { type ServerTls, tlsPolicy } from "./tls-policy";

/** Times in milliseconds, sizes in bytes. */
export type ServerLimits = AdmissionLimits & MessageLimits;

export type KmipServerOptions = ListenerOptions & {
  readonly limits?: Partial<ServerLimits>;
  /** Called when a certificate was used, at most once a minute for each. */
  readonly onSeen?: SeenListener;
};

export type KmipServerStats = ListenerStats & {
  /** Open connections by certificate fingerprint (SHA-256, lower-case hexadecimal). */
  readonly connectionsByCertificate: ReadonlyMap<string, number>;
  /** Messages being answered now. */
  readonly inFlight: number;
  /** Connections whose handshake, or admission, is under way. */
  readonly handshaking: number;
};

export type KmipServer = KmipListener<KmipServerStats>;

const DEFAULT_LIMITS: ServerLimits = {
  ...DEFAULT_ADMISSION_LIMITS,
  idleTimeoutMs: 600_000,
  requestTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  maxMessageBytes: 1_048_576,
};

/** Makes a server; call `listen()` to open it. */
export function createKmipServer(options: KmipServerOptions): KmipServer {
  return new TlsListener(options, { ...DEFAULT_LIMITS, ...options.limits });
}

/** The longest that a time-out may be overrun. */
const MAX_SWEEP_MS = 1_000;
const MIN_SWEEP_MS = 20;

class TlsListener extends Listener<KmipServerStats> {
  readonly #options: KmipServerOptions;
  readonly #limits: ServerLimits;
  readonly #connections = new Set<Connection>();
  readonly #seen: SeenCertificates;
  readonly #sweeper: NodeJS.Timeout;
  #requests = 0;
  #inFlight = 0;

  constructor(options: KmipServerOptions, limits: ServerLimits) {
    super(createServer(tlsServerOptions(options.tls, limits)), limits, options);
    this.#options = options;
    this.#limits = limits;
    this.#seen = new SeenCertificates(options.onSeen, options.logger);
    this.server.on("secureConnection", (socket) => {
      // Until a Connection takes over, an error has no other listener, and would end the process.
      const ignore = () => socket.destroy();
      socket.on("error", ignore);
      void this.#admit(socket, ignore);
    });
    const { idleTimeoutMs, requestTimeoutMs, writeTimeoutMs } = limits;
    const shortest = Math.min(idleTimeoutMs, requestTimeoutMs, writeTimeoutMs);
    const interval = Math.max(MIN_SWEEP_MS, Math.min(MAX_SWEEP_MS, shortest / 4));
    this.#sweeper = setInterval(() => this.#sweep(), interval);
    this.#sweeper.unref();
  }

  /** Ends connections whose time is up, and forgets certificates that were seen long ago. */
  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#connections) {
      const expired = connection.expired(now);
      if (expired === null) {
        continue;
      }
      const { certificateSha256 } = connection;
      this.#options.logger.debug({ certificateSha256, expired }, "Connection timed out");
      if (expired === "idle") {
        connection.drain();
      } else {
        connection.destroy();
      }
    }
    this.#seen.sweep(now);
  }

  /** @param ignore the listener for errors that the connection has until then */
  async #admit(socket: TLSSocket, ignore: () => void): Promise<void> {
    let connection: Connection | null = null;
    const handle: ConnectionHandle = {
      isIdle: () => connection?.isIdle() ?? false,
      end: () => connection?.drain(),
      destroy: () => (connection ?? socket).destroy(),
    };
    const client = await this.admission.admit(socket, handle);
    if (client === null) {
      return;
    }
    const { engine, logger } = this.#options;
    const made = new Connection({
      client,
      engine,
      logger,
      limits: this.#limits,
      onRequest: (certificateId) => {
        this.#inFlight += 1;
        this.#seen.note(certificateId, client.remoteAddress);
      },
      onAnswered: () => {
        this.#inFlight -= 1;
        this.#requests += 1;
      },
      onClosed: () => this.#connections.delete(made),
    });
    connection = made;
    this.#connections.add(made);
    made.start();
    socket.off("error", ignore);
    if (!this.server.listening) {
      made.drain();
    }
  }

  override async close(options?: { readonly timeoutMs?: number }): Promise<void> {
    await super.close(options);
    clearInterval(this.#sweeper);
  }

  protected drain(): Promise<unknown> {
    const connections = [...this.#connections];
    for (const connection of connections) {
      connection.drain();
    }
    return Promise.all(connections.map(({ closed }) => closed));
  }

  protected destroyConnections(): void {
    for (const connection of [...this.#connections]) {
      connection.destroy();
    }
  }

  stats(): KmipServerStats {
    return {
      ...this.admissionStats(),
      connections: this.#connections.size,
      connectionsByCertificate: this.admission.connectionsByCertificate(),
      requests: this.#requests,
      inFlight: this.#inFlight,
      handshaking: this.admission.handshaking,
    };
  }
}
