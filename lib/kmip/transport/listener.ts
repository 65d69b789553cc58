/** What the listeners of both transports are made of: a TLS server, admission, and an end in good order. */
import type { AddressInfo } from "node:net";
import type { Server, TlsOptions } from "node:tls";
import type { KmipEngine } from "../engine/engine";
import type { EngineClock, EngineLogger, FailedHandshake, TenantDirectory } from "../ports";
import { Admission, type AdmissionLimits } from "./admission";
import { ConnectionLimits } from "./connection-limits";
import type { FailedHandshakeCounts } from "./failed-handshakes";
import { type ServerTls, secureContextOptions } from "./tls-policy";

export type ListenerOptions = {
  /** Address to listen on. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly tls: ServerTls;
  readonly engine: KmipEngine;
  readonly tenants: TenantDirectory;
  readonly logger: EngineLogger;
  readonly clock?: EngineClock;
  /** What the listeners of a process share out; default: one of the listener's own. */
  readonly connectionLimits?: ConnectionLimits;
  /** Called for each handshake that came to nothing (the last 50 are in `stats()` too). */
  readonly onFailedHandshake?: (failure: FailedHandshake) => void;
};

export type ListenerStats = {
  /** Connections that are open. */
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

export interface KmipListener<Stats extends ListenerStats> {
  /** Starts listening. @throws the error of node:net (EADDRINUSE …) */
  listen(): Promise<AddressInfo>;
  /** Where it listens; null before `listen` and after `close`. */
  address(): AddressInfo | null;
  /** Swaps the server's certificates: new handshakes use the new ones, open connections stay. */
  updateTls(tls: ServerTls): void;
  /** Stops accepting, lets requests in flight finish, ends all connections; destroys what is left after the time. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  stats(): Stats;
}

const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;

/** Connections that the kernel finishes ahead of us: a cluster that powers up comes all at once. */
const BACKLOG = 4_096;

/** How the TLS servers of both transports are made. */
export const tlsServerOptions = (tls: ServerTls, { handshakeTimeoutMs }: AdmissionLimits): TlsOptions => ({
  ...secureContextOptions(tls),
  // Who may connect is decided by the pinned fingerprint: vCenter's certificates are self-signed.
  requestCert: true,
  rejectUnauthorized: false,
  handshakeTimeout: handshakeTimeoutMs,
  pauseOnConnect: true,
  noDelay: true,
  keepAlive: true,
});

/** A listener but for what it does with the connections that are admitted. */
export abstract class Listener<Stats extends ListenerStats> implements KmipListener<Stats> {
  protected readonly server: Server;
  protected readonly admission: Admission;
  protected readonly connectionLimits: ConnectionLimits;
  readonly #options: ListenerOptions;

  constructor(server: Server, limits: AdmissionLimits, options: ListenerOptions) {
    const { tenants, logger, onFailedHandshake } = options;
    this.server = server;
    this.connectionLimits = options.connectionLimits ?? new ConnectionLimits();
    this.#options = options;
    this.admission = new Admission({
      server,
      tenants,
      connectionLimits: this.connectionLimits,
      logger,
      clock: options.clock ?? { now: () => new Date() },
      limits,
      ...(onFailedHandshake === undefined ? {} : { onFailedHandshake }),
    });
  }

  listen(): Promise<AddressInfo> {
    const { server } = this;
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(error);
      server.once("error", fail);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off("error", fail);
        const bound = this.address();
        if (bound === null) {
          reject(new Error("The server is bound to no address"));
        } else {
          resolve(bound);
        }
      });
    });
  }

  address(): AddressInfo | null {
    const bound = this.server.address();
    return bound === null || typeof bound === "string" ? null : bound;
  }

  updateTls(tls: ServerTls): void {
    this.server.setSecureContext(secureContextOptions(tls));
  }

  async close({ timeoutMs = DEFAULT_CLOSE_TIMEOUT_MS } = {}): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.admission.close();
    const drained = this.drain();
    const timer = setTimeout(() => this.destroyConnections(), timeoutMs);
    await Promise.all([closed, drained]);
    clearTimeout(timer);
  }

  abstract stats(): Stats;

  /** Ends connections once their requests in flight are answered; resolves when they have ended. */
  protected abstract drain(): Promise<unknown>;

  /** Ends all connections at once. */
  protected abstract destroyConnections(): void;

  /** What both transports tell of themselves. */
  protected admissionStats(): Omit<ListenerStats, "requests"> {
    const { connections, accepted, failures } = this.admission;
    return {
      connections,
      accepted,
      failedHandshakes: failures.list(),
      failedHandshakeCounts: failures.counts(),
    };
  }
}
