/**
 * The client's side of the wire: one exchange at a time over a TLS connection, kept alive or new for each message.
 */
import { connect, type TLSSocket } from "node:tls";
import { HEADER_LENGTH } from "./ttlv/decoder";

export type ClientTransportOptions = {
  readonly host: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly serverSha256?: string;
  readonly connectPerMessage?: boolean;
  readonly timeoutMs?: number;
};

const DEFAULT_TIMEOUT_MS = 10_000;

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
      if (this.#options.connectPerMessage === true) this.close();
    }
  }

  #connected(): Promise<TLSSocket> {
    const open = this.#socket;
    if (open !== null && !open.destroyed && open.writable) return Promise.resolve(open);
    const { host, port, cert, key, ca, serverSha256, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
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
      const timer = setTimeout(() => socket.destroy(new Error("Connecting took too long")), timeoutMs);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("The server closed the connection")));
      socket.once("secureConnect", () => {
        clearTimeout(timer);
        const actual = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase();
        if (serverSha256 !== undefined && actual !== serverSha256) {
          socket.destroy(new Error("The server's certificate is not the expected one"));
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
      const timer = setTimeout(() => settle(new Error("The server took too long to answer")), timeoutMs);
      const settle = (outcome: Buffer | Error) => {
        clearTimeout(timer);
        socket.off("data", onData);
        socket.off("close", onClose);
        socket.off("error", onError);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const onData = (chunk: Buffer) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        if (received.length < HEADER_LENGTH) return;
        const total = HEADER_LENGTH + received.readUInt32BE(4);
        if (received.length === total) settle(received);
        else if (received.length > total) settle(new Error("The server sent more than one response"));
      };
      const onClose = () => settle(new Error("The server closed the connection"));
      const onError = (error: Error) => settle(error);
      socket.on("data", onData);
      socket.on("close", onClose);
      socket.on("error", onError);
      socket.write(message);
    });
  }
}
