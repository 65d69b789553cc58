/**
 * What both listeners do before a client may send messages: handshakes in rotation, the pinned certificate, the limits
 * of connections; and what they do all the time: tickets' keys, time-outs, revoked certificates.
 */
import type { X509Certificate } from "node:crypto";
import { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import type {
  CertificateRefusal,
  EngineClock,
  EngineLogger,
  FailedHandshake,
  Tenant,
  TenantDirectory,
} from "../ports";
import { AdmittedClient } from "./admitted-client";
import type { ConnectionHandle, ConnectionLimits } from "./connection-limits";
import { FailedHandshakes, fingerprint } from "./failed-handshakes";
import { HandshakeQueue } from "./handshake-queue";
import { renewTicketKeys } from "./tls-policy";

/** Times in milliseconds. */
export type AdmissionLimits = {
  /** From the TCP connection to the end of the TLS handshake; as long again for admission. */
  readonly handshakeTimeoutMs: number;
  /** Connections that are not admitted yet. */
  readonly maxHandshakes: number;
  /** Life of the keys of session tickets. */
  readonly ticketKeysMs: number;
};

export const DEFAULT_ADMISSION_LIMITS: AdmissionLimits = {
  handshakeTimeoutMs: 10_000,
  // All hosts of the largest instance at once, from one address if they come through a load balancer.
  maxHandshakes: 20_000,
  ticketKeysMs: 3_600_000,
};

export type AdmissionOptions = {
  readonly server: Server;
  readonly tenants: TenantDirectory;
  readonly connectionLimits: ConnectionLimits;
  readonly logger: EngineLogger;
  readonly clock: EngineClock;
  readonly limits: AdmissionLimits;
  readonly onFailedHandshake?: (failure: FailedHandshake) => void;
};

const SWEEP_MS = 1_000;

/** Decides which clients of a listener may send messages. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #handshakes: HandshakeQueue;
  readonly #failures: FailedHandshakes;
  readonly #byCertificate = new Map<string, Set<ConnectionHandle>>();
  readonly #unsubscribe: () => void;
  readonly #timers: readonly NodeJS.Timeout[];
  #accepted = 0;
  #open = 0;
  #closing = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { server, connectionLimits, limits, logger, tenants } = options;
    this.#failures = new FailedHandshakes(options.clock, logger, options.onFailedHandshake);
    this.#handshakes = new HandshakeQueue({
      maxPending: limits.maxHandshakes,
      timeoutMs: 2 * limits.handshakeTimeoutMs,
      onFault: (error) => logger.error({ err: error }, "A handshake could not begin"),
      onDropped: (remoteAddress, why) => {
        if (why === "limit") {
          connectionLimits.hit("handshakes");
        }
        this.#fail(remoteAddress, why, why === "limit" ? "too many handshakes" : "not admitted in time");
      },
    });
    this.#interceptConnections(server);
    server.on("tlsClientError", (error, socket) => {
      this.#failures.recordTlsError(error, socket, addressOf(socket));
      socket.destroy();
    });
    server.on("error", (error) => logger.error({ err: error }, "The listener failed"));
    this.#unsubscribe = tenants.onRevoked((certificateSha256) => {
      for (const handle of [...(this.#byCertificate.get(certificateSha256) ?? [])]) {
        handle.destroy();
      }
    });
    renewTicketKeys(server);
    this.#timers = [
      setInterval(() => renewTicketKeys(server), limits.ticketKeysMs),
      setInterval(
        () => {
          const now = performance.now();
          this.#handshakes.sweep(now);
          connectionLimits.sweep(now);
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
    return this.#handshakes.pending;
  }

  get failures(): FailedHandshakes {
    return this.#failures;
  }

  /** Open connections by certificate fingerprint. */
  connectionsByCertificate(): ReadonlyMap<string, number> {
    return new Map([...this.#byCertificate].map(([sha256, connections]) => [sha256, connections.size]));
  }

  /**
   * Decides by the certificate whether a client may send messages. The certificate of a resumed session is the one that
   * was proven when the session began, and is judged anew.
   *
   * @returns null for a client that was refused, whose connection is then ended
   */
  async admit(socket: TLSSocket, handle: ConnectionHandle): Promise<AdmittedClient | null> {
    try {
      return await this.#judge(socket, handle);
    } catch (error) {
      this.#options.logger.error({ err: error }, "A connection could not be admitted");
      socket.destroy();
      return null;
    } finally {
      this.#handshakes.release(socket);
    }
  }

  async #judge(socket: TLSSocket, handle: ConnectionHandle): Promise<AdmittedClient | null> {
    const remoteAddress = addressOf(socket);
    const { remotePort = 0 } = socket;
    const { tenants, connectionLimits } = this.#options;
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
    if (certificate === undefined || certificateSha256 === null) {
      return refuse("no-certificate", "the client presented no certificate");
    }
    const tenant: Tenant | null = await tenants.resolve(certificateSha256);
    if (tenant === null) {
      const reason = tenants.refusal?.(certificateSha256) ?? "not-pinned";
      return refuse(reason, refusalText(reason, certificate));
    }
    if (socket.destroyed) {
      return gone();
    }
    if (this.#closing) {
      socket.destroy();
      return null;
    }
    const slot = connectionLimits.admit(tenant, handle);
    if (typeof slot === "string") {
      return refuse("limit", `too many ${slot.replaceAll("-", " ")}`);
    }
    this.#accepted += 1;
    this.#open += 1;
    this.#register(certificateSha256, handle);
    socket.once("close", () => {
      this.#open -= 1;
      slot.release();
      this.#unregister(certificateSha256, handle);
    });
    return new AdmittedClient({ socket, certificateSha256, remoteAddress, remotePort, slot, tenants });
  }

  /** Admits no more clients, and drops connections that are not admitted yet. */
  close(): void {
    this.#closing = true;
    this.#unsubscribe();
    this.#handshakes.close();
    for (const timer of this.#timers) {
      clearInterval(timer);
    }
  }

  /**
   * Puts the queue before the TLS handshake. Node begins it in the one listener that a TLS server has for its own
   * "connection" event, which it allows to be emitted by others too.
   */
  #interceptConnections(server: Server): void {
    const [begin, ...others] = server.listeners("connection");
    if (begin === undefined || others.length > 0) {
      throw new Error("Node begins TLS handshakes in another way");
    }
    server.removeAllListeners("connection");
    server.on("connection", (socket) => {
      if (this.#closing) {
        socket.destroy();
      } else {
        this.#handshakes.add(socket, () => Reflect.apply(begin, server, [socket]));
      }
    });
  }

  #fail(remoteAddress: string, reason: FailedHandshake["reason"], detail: string): void {
    this.#failures.record({ remoteAddress, certificateSha256: null, subject: null, reason, detail });
  }

  #register(certificateSha256: string, handle: ConnectionHandle): void {
    const connections = this.#byCertificate.get(certificateSha256) ?? new Set<ConnectionHandle>();
    this.#byCertificate.set(certificateSha256, connections.add(handle));
  }

  #unregister(certificateSha256: string, handle: ConnectionHandle): void {
    const connections = this.#byCertificate.get(certificateSha256);
    connections?.delete(handle);
    if (connections?.size === 0) {
      this.#byCertificate.delete(certificateSha256);
    }
  }
}

function refusalText(
  reason: CertificateRefusal | "not-pinned",
  { validFrom, validTo }: X509Certificate,
): string {
  switch (reason) {
    case "not-pinned":
      return "no instance has pinned this certificate";
    case "certificate-not-yet-valid":
      return `the certificate is valid from ${validFrom} on`;
    case "certificate-expired":
      return `the certificate was valid until ${validTo}, and the time that its instance gives it has passed`;
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
