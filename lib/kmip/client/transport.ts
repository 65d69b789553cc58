/**
 * The client's side of the wire: one exchange at a time over a TLS connection, kept alive or new for each message.
 */
import type { X509Certificate } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { HEADER_LENGTH } from "../ttlv/decoder";

/** What client and server agreed on, and whom the client sees. */
export type TlsFacts = {
  /** "TLSv1.3" … */
  readonly protocol: string | null;
  /** IANA's name of the cipher suite. */
  readonly cipher: string;
  readonly serverCertificate: X509Certificate | null;
};

/** Why a server gave no answer that could be used. */
export type ConnectionFailure = "closed" | "timeout" | "certificate" | "malformed";

/** A connection that came to nothing, other than by an error of the network (which has a `code` of its own). */
export class KmipConnectionError extends Error {
  readonly failure: ConnectionFailure;

  constructor(failure: ConnectionFailure, message: string) {
    super(message);
    this.name = "KmipConnectionError";
    this.failure = failure;
  }
}

export type ClientTransportOptions = {
  readonly host: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly serverSha256?: string;
  readonly connectPerMessage?: boolean;
  readonly timeoutMs?: number;
  /** Called when TCP stands. */
  readonly onConnected?: () => void;
  /** Called when TLS stands, before the server's certificate is compared with `serverSha256`. */
  readonly onSecured?: (facts: TlsFacts) => void;
};

const DEFAULT_TIMEOUT_MS = 10_000;
/** Far above any answer to these requests: who sends more is no KMIP server. */
const MAX_RESPONSE_BYTES = 16_777_216;

const closed = () => new KmipConnectionError("closed", "The server closed the connection");

/** A TLS connection to a KMIP server: request messages out, response messages in, one at a time. */
export class ClientTransport {
  readonly #options: ClientTransportOptions;
  #socket: TLSSocket | null = null;
  /** Exchanges wait for one another: a connection answers in order. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ClientTransportOptions) {
    this.#options = options;
  }

  /** Sends one message; answers the bytes of the response. @throws Error if the connection fails */
  exchange(message: Uint8Array): Promise<Buffer> {
    const turn = this.#last.then(() => this.#exchange(message));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  async #exchange(message: Uint8Array): Promise<Buffer> {
    const socket = await this.#connected();
    try {
      return await this.#roundTrip(socket, message);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      if (this.#options.connectPerMessage === true) {
        this.close();
      }
    }
  }

  #connected(): Promise<TLSSocket> {
    const open = this.#socket;
    if (open !== null && !open.destroyed && open.writable) {
      return Promise.resolve(open);
    }
    const { host, port, cert, key, ca, serverSha256, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const { onConnected, onSecured } = this.#options;
    return new Promise((resolve, reject) => {
      const socket = connect({
        host,
        port,
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(ca === undefined ? {} : { ca }),
        rejectUnauthorized: ca !== undefined,
        // KMIP servers are named by address as often as by name; the authority or the fingerprint is the proof.
        checkServerIdentity: () => undefined,
        minVersion: "TLSv1.2",
      });
      const tooLong = () => socket.destroy(new KmipConnectionError("timeout", "Connecting took too long"));
      const timer = setTimeout(tooLong, timeoutMs);
      socket.once("error", reject);
      socket.once("close", () => reject(closed()));
      if (onConnected !== undefined) {
        socket.once("connect", onConnected);
      }
      socket.once("secureConnect", () => {
        clearTimeout(timer);
        const certificate = socket.getPeerX509Certificate();
        onSecured?.({
          protocol: socket.getProtocol(),
          cipher: socket.getCipher().standardName,
          serverCertificate: certificate ?? null,
        });
        const actual = certificate?.fingerprint256.replaceAll(":", "").toLowerCase();
        if (serverSha256 !== undefined && actual !== serverSha256) {
          const message = "The server's certificate is not the expected one";
          socket.destroy(new KmipConnectionError("certificate", message));
          return;
        }
        socket.setNoDelay(true);
        socket.on("error", () => socket.destroy());
        this.#socket = socket;
        resolve(socket);
      });
      socket.once("close", () => clearTimeout(timer));
    });
  }

  #roundTrip(socket: TLSSocket, message: Uint8Array): Promise<Buffer> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    return new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      const timer = setTimeout(
        () => settle(new KmipConnectionError("timeout", "The server took too long to answer")),
        timeoutMs,
      );
      const settle = (outcome: Buffer | Error) => {
        clearTimeout(timer);
        socket.off("data", onData);
        socket.off("close", onClose);
        socket.off("error", onError);
        if (outcome instanceof Error) {
          reject(outcome);
        } else {
          resolve(outcome);
        }
      };
      const onData = (chunk: Buffer) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        if (received.length < HEADER_LENGTH) {
          return;
        }
        const total = HEADER_LENGTH + received.readUInt32BE(4);
        if (total > MAX_RESPONSE_BYTES) {
          settle(new KmipConnectionError("malformed", "The response is too large"));
        } else if (received.length === total) {
          settle(received);
        } else if (received.length > total) {
          settle(new KmipConnectionError("malformed", "The server sent more than one response"));
        }
      };
      const onClose = () => settle(closed());
      const onError = (error: Error) => settle(error);
      socket.on("data", onData);
      socket.on("close", onClose);
      socket.on("error", onError);
      socket.write(message);
    });
  }
}
