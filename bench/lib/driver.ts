/**
 * Load in a closed loop: so many connections, each with one message on its way, for so many seconds.
 */
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { HEADER_LENGTH } from "@/lib/kmip/ttlv";

/** Where to, and with which certificate. */
export type Endpoint = {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
};

const CONNECT_TIMEOUT_MS = 15_000;

/** A connection that has at most one message on its way. */
export class Wire {
  readonly #socket: TLSSocket;
  #received: Buffer | null = null;
  #settle: { resolve: (response: Buffer) => void; reject: (error: Error) => void } | null = null;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  /** Opens a connection with a handshake in full. */
  static open({ host, port, cert, key }: Endpoint): Promise<Wire> {
    return new Promise((resolve, reject) => {
      // Whom the bench talks to is said by its user; the certificate of the server proves nothing to it.
      const socket = connect({ host, port, cert, key, rejectUnauthorized: false, minVersion: "TLSv1.2" });
      const timer = setTimeout(
        () => socket.destroy(new Error("connecting took too long")),
        CONNECT_TIMEOUT_MS,
      );
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      socket.once("error", fail);
      socket.once("secureConnect", () => {
        clearTimeout(timer);
        socket.off("error", fail);
        socket.setNoDelay(true);
        resolve(new Wire(socket));
      });
    });
  }

  /** The kind of key in the server's certificate. */
  get serverKeyType(): "rsa" | "ec" {
    return this.#socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType === "rsa" ? "rsa" : "ec";
  }

  /** Certificates that the server sent. */
  get serverCertificates(): number {
    let count = 0;
    let certificate: DetailedPeerCertificate | undefined = this.#socket.getPeerCertificate(true);
    // A self-signed one is its own issuer.
    for (const seen = new Set<object>(); certificate !== undefined && !seen.has(certificate); count += 1) {
      seen.add(certificate);
      certificate = certificate.issuerCertificate;
    }
    return count;
  }

  /** "TLSv1.3", and the like. */
  get protocol(): string {
    return this.#socket.getProtocol() ?? "";
  }

  /** Sends a message; answers one response message. */
  exchange(message: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error("the connection is closed"));
        return;
      }
      this.#settle = { resolve, reject };
      this.#socket.write(message);
    });
  }

  close(): void {
    this.#settle = null;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const received = this.#received === null ? chunk : Buffer.concat([this.#received, chunk]);
    if (received.length < HEADER_LENGTH || received.length < HEADER_LENGTH + received.readUInt32BE(4)) {
      this.#received = received;
      return;
    }
    this.#received = null;
    const settle = this.#settle;
    this.#settle = null;
    settle?.resolve(received);
  }

  #fail(error: Error): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.reject(error);
  }
}

/** What one turn of a connection does, once and again. */
export type Turn = () => Promise<void>;

/** Times in milliseconds. */
export type Figures = {
  readonly perSecond: number;
  readonly turns: number;
  readonly failures: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** Processor time that the client itself took for a turn: it shares the machine with the servers. */
  readonly clientCpu: number;
};

/** The value that a share of sorted values does not exceed. */
function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) {
    return 0;
  }
  const at = Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1));
  return Number((sorted[at] ?? 0).toFixed(3));
}

/** Has every turn repeat itself for so many milliseconds, and measures each. The first failure's cause is thrown. */
export async function drive(turns: readonly Turn[], milliseconds: number): Promise<Figures> {
  const times: number[] = [];
  let failures = 0;
  let cause: unknown;
  const cpu = process.cpuUsage();
  const started = performance.now();
  const deadline = started + milliseconds;
  await Promise.all(
    turns.map(async (turn) => {
      for (let now = performance.now(); now < deadline; ) {
        try {
          await turn();
        } catch (error) {
          failures += 1;
          cause = error;
          // A server that refuses everything is not to be asked a million times.
          if (failures > turns.length) {
            return;
          }
        }
        const after = performance.now();
        times.push(after - now);
        now = after;
      }
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  if (failures > turns.length) {
    throw new Error("the server fails", { cause });
  }
  const sorted = Float64Array.from(times).sort();
  return {
    perSecond: Number(((times.length - failures) / seconds).toFixed(1)),
    turns: times.length,
    failures,
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
    clientCpu: Number(((user + system) / 1_000 / Math.max(1, times.length)).toFixed(4)),
  };
}
