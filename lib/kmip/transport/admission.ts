/**
 * What both listeners do before anybody may speak: handshakes in fair turns, the pinned certificate, a place in the
 * traffic; and what they do all the time: tickets' keys, time-outs, revoked certificates.
 */
import { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import type { EngineClock, EngineLogger, FailedHandshake, Tenant, TenantDirectory } from "../ports";
import type { Guest, Place, Traffic } from "./connection-limits";
import { FailedHandshakes, fingerprint } from "./failed-handshakes";
import { Door } from "./handshake-queue";
import { renewTicketKeys } from "./tls-policy";

/** Times in milliseconds. */
export type ReceptionLimits = {
  /** From the TCP connection to the end of the TLS handshake; as long again for admission. */
  readonly handshakeTimeoutMs: number;
  /** Connections that are not admitted yet. */
  readonly maxHandshakes: number;
  /** Life of the keys of session tickets. */
  readonly ticketKeysMs: number;
};

export const DEFAULT_RECEPTION_LIMITS: ReceptionLimits = {
  handshakeTimeoutMs: 10_000,
  // All hosts of the largest instance at once, from one address if they come through a load balancer.
  maxHandshakes: 20_000,
  ticketKeysMs: 3_600_000,
};

/** A client that may speak. */
export type Visitor = {
  readonly socket: TLSSocket;
  readonly certificateSha256: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly place: Place;
};

/** Who a connection belongs to while it has a place. */
export interface VisitorGuest extends Guest {
  /** Ends the connection at once. */
  destroy(): void;
}

export type ReceptionOptions = {
  readonly server: Server;
  readonly tenants: TenantDirectory;
  readonly traffic: Traffic;
  readonly logger: EngineLogger;
  readonly clock: EngineClock;
  readonly limits: ReceptionLimits;
  readonly onFailedHandshake?: (failure: FailedHandshake) => void;
};

const SWEEP_MS = 1_000;

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #door: Door;
  readonly #failures: FailedHandshakes;
  readonly #byCertificate = new Map<string, Set<VisitorGuest>>();
  readonly #unsubscribe: () => void;
  readonly #timers: readonly NodeJS.Timeout[];
  #accepted = 0;
  #open = 0;
  #closing = false;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    const { server, traffic, limits, logger, tenants } = options;
    this.#failures = new FailedHandshakes(options.clock, logger, options.onFailedHandshake);
    this.#door = new Door({
      maxPending: limits.maxHandshakes,
      timeoutMs: 2 * limits.handshakeTimeoutMs,
      onFault: (error) => logger.error({ err: error }, "A handshake could not begin"),
      onTurnedAway: (remoteAddress, why) => {
        if (why === "limit") {
          traffic.hit("handshakes");
        }
        this.#fail(remoteAddress, why, why === "limit" ? "too many handshakes" : "not admitted in time");
      },
    });
    this.#standBeforeTls(server);
    server.on("tlsClientError", (error, socket) => {
      this.#failures.recordTlsError(error, socket, addressOf(socket));
      socket.destroy();
    });
    server.on("error", (error) => logger.error({ err: error }, "The listener failed"));
    this.#unsubscribe = tenants.onRevoked((certificateSha256) => {
      for (const guest of [...(this.#byCertificate.get(certificateSha256) ?? [])]) {
        guest.destroy();
      }
    });
    renewTicketKeys(server);
    this.#timers = [
      setInterval(() => renewTicketKeys(server), limits.ticketKeysMs),
      setInterval(
        () => {
          const now = performance.now();
          this.#door.sweep(now);
          traffic.sweep(now);
        },
        Math.min(SWEEP_MS, Math.max(20, limits.handshakeTimeoutMs / 2)),
      ),
    ];
    for (const timer of this.#timers) {
      timer.unref();
    }
  }

  /** Connections that were admitted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Admitted connections that are open. */
  get connections(): number {
    return this.#open;
  }

  /** Connections that are not admitted yet. */
  get handshaking(): number {
    return this.#door.pending;
  }

  get failures(): FailedHandshakes {
    return this.#failures;
  }

  /** Open connections by certificate fingerprint. */
  connectionsByCertificate(): ReadonlyMap<string, number> {
    return new Map([...this.#byCertificate].map(([sha256, guests]) => [sha256, guests.size]));
  }

  /**
   * Decides by the certificate whether a client may speak. The certificate of a resumed session is the one that
   * was proven when the session began, and is judged anew.
   *
   * @returns null for a client that was refused, whose connection is then ended
   */
  async admit(socket: TLSSocket, guest: VisitorGuest): Promise<Visitor | null> {
    try {
      return await this.#judge(socket, guest);
    } catch (error) {
      this.#options.logger.error({ err: error }, "A connection could not be admitted");
      socket.destroy();
      return null;
    } finally {
      this.#door.release(socket);
    }
  }

  async #judge(socket: TLSSocket, guest: VisitorGuest): Promise<Visitor | null> {
    const remoteAddress = addressOf(socket);
    const { remotePort = 0 } = socket;
    const certificate = socket.destroyed ? undefined : socket.getPeerX509Certificate();
    const certificateSha256 = certificate === undefined ? null : fingerprint(certificate.fingerprint256);
    const refuse = (reason: FailedHandshake["reason"], detail: string): null => {
      const subject = certificate?.subject ?? null;
      this.#failures.record({ remoteAddress, certificateSha256, subject, reason, detail });
      socket.destroy();
      return null;
    };
    const gone = () => refuse("closed", "the client closed the connection after the handshake");
    if (socket.destroyed) {
      return gone();
    }
    if (certificateSha256 === null) {
      return refuse("no-certificate", "the client presented no certificate");
    }
    const tenant: Tenant | null = await this.#options.tenants.resolve(certificateSha256);
    if (tenant === null) {
      return refuse("not-pinned", "no instance has pinned this certificate");
    }
    if (socket.destroyed) {
      return gone();
    }
    if (this.#closing) {
      socket.destroy();
      return null;
    }
    const place = this.#options.traffic.admit(tenant, guest);
    if (typeof place === "string") {
      return refuse("limit", `too many ${place.replaceAll("-", " ")}`);
    }
    this.#accepted += 1;
    this.#open += 1;
    this.#note(certificateSha256, guest);
    socket.once("close", () => {
      this.#open -= 1;
      place.leave();
      this.#strike(certificateSha256, guest);
    });
    return { socket, certificateSha256, remoteAddress, remotePort, place };
  }

  /** Takes nobody in any more, and cuts off who is not in yet. */
  close(): void {
    this.#closing = true;
    this.#unsubscribe();
    this.#door.close();
    for (const timer of this.#timers) {
      clearInterval(timer);
    }
  }

  /**
   * Puts the door before the TLS handshake. Node begins it in the one listener that a TLS server has for its own
   * "connection" event, which it allows to be emitted by others too.
   */
  #standBeforeTls(server: Server): void {
    const [begin, ...others] = server.listeners("connection");
    if (begin === undefined || others.length > 0) {
      throw new Error("Node begins TLS handshakes in another way");
    }
    server.removeAllListeners("connection");
    server.on("connection", (socket) => {
      if (this.#closing) {
        socket.destroy();
      } else {
        this.#door.enter(socket, () => Reflect.apply(begin, server, [socket]));
      }
    });
  }

  #fail(remoteAddress: string, reason: FailedHandshake["reason"], detail: string): void {
    this.#failures.record({ remoteAddress, certificateSha256: null, subject: null, reason, detail });
  }

  #note(certificateSha256: string, guest: VisitorGuest): void {
    const guests = this.#byCertificate.get(certificateSha256) ?? new Set<VisitorGuest>();
    this.#byCertificate.set(certificateSha256, guests.add(guest));
  }

  #strike(certificateSha256: string, guest: VisitorGuest): void {
    const guests = this.#byCertificate.get(certificateSha256);
    guests?.delete(guest);
    if (guests?.size === 0) {
      this.#byCertificate.delete(certificateSha256);
    }
  }
}

/** The client's address; of a closed TLS socket, what the TCP socket below it remembers. */
function addressOf(socket: TLSSocket): string {
  if (socket.remoteAddress !== undefined) {
    return socket.remoteAddress;
  }
  const below: unknown = Reflect.get(socket, "_parent");
  return (below instanceof Socket ? below.remoteAddress : undefined) ?? "";
}
