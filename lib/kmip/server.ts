/**
 * The KMIP server: TLS connections of pinned client certificates in front of an engine.
 */
import type { AddressInfo } from "node:net";
import type { KmipEngine } from "./engine";
import type { EngineClock, EngineLogger, FailedHandshake, TenantDirectory } from "./ports";

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

/** Makes a server; call `listen()` to open it. */
export function createKmipServer(_options: KmipServerOptions): KmipServer {
  throw new Error("The server is being assembled.");
}
