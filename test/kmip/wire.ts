/** A server over ports in memory with two tenants, and connections to it without a client around them. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { expect } from "vitest";
import { KmipClient } from "@/lib/kmip/client/client";
import type { KmipEngine } from "@/lib/kmip/engine/engine";
import type { ConnectionLimitSettings, ServerLimits } from "@/lib/kmip/transport/server";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { type RunningServer, startServer } from "./harness";

/** Resolves when a socket has closed, with or without an error. */
export const closing = (socket: Socket): Promise<void> =>
  socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once("close", () => resolve()));

/** Everything that the server sends until it closes. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await closing(socket);
  return Buffer.concat(chunks);
}

/** The response messages in a stream. */
export function messagesIn(stream: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 8 <= stream.length; ) {
    const end = at + 8 + stream.readUInt32BE(at + 4);
    if (end > stream.length) {
      break;
    }
    messages.push(stream.subarray(at, end));
    at = end;
  }
  return messages;
}

/** allowHalfOpen is of the socket below, and Node's types leave it out. */
type DialOptions = ConnectionOptions & { readonly allowHalfOpen?: boolean };

export class Wire {
  readonly running: RunningServer;
  /** Pinned to instance-a: the attacker's, where it has one. */
  readonly hostile: TestCertificate;
  /** Pinned to instance-b. */
  readonly good: TestCertificate;
  readonly #sockets: Socket[] = [];
  readonly #clients: KmipClient[] = [];

  private constructor(running: RunningServer, hostile: TestCertificate, good: TestCertificate) {
    this.running = running;
    this.hostile = hostile;
    this.good = good;
  }

  static async start(
    limits: Partial<ServerLimits & ConnectionLimitSettings> = {},
    wrap?: (engine: KmipEngine) => KmipEngine,
  ): Promise<Wire> {
    const running = await startServer(limits, wrap);
    const [hostile, good] = await Promise.all([
      createSelfSigned({ commonName: "hostile" }),
      createSelfSigned({ commonName: "good" }),
    ]);
    running.tenants.pin("instance-a", hostile.sha256);
    running.tenants.pin("instance-b", good.sha256);
    return new Wire(running, hostile, good);
  }

  client(certificate: TestCertificate): KmipClient {
    const { port, certificate: own } = this.running;
    const { certPem: cert, keyPem: key } = certificate;
    const client = new KmipClient({ host: "127.0.0.1", port, cert, key, ca: own.certPem, timeoutMs: 60_000 });
    this.#clients.push(client);
    return client;
  }

  /** A TLS connection; null for none of a client certificate. */
  async open(
    certificate: TestCertificate | null = this.hostile,
    options: DialOptions = {},
  ): Promise<TLSSocket> {
    const socket = this.dial(certificate, options);
    await once(socket, "secureConnect");
    return socket;
  }

  /** The same, whose handshake is not waited for. */
  dial(certificate: TestCertificate | null = this.hostile, options: DialOptions = {}): TLSSocket {
    const identity = certificate === null ? {} : { cert: certificate.certPem, key: certificate.keyPem };
    const socket = connect({
      host: "127.0.0.1",
      port: this.running.port,
      ...identity,
      rejectUnauthorized: false,
      ...options,
    });
    return this.#keep(socket);
  }

  /** A connection without TLS. */
  async tcp(): Promise<Socket> {
    const socket = this.#keep(connectTcp(this.running.port, "127.0.0.1"));
    await once(socket, "connect");
    return socket;
  }

  #keep<T extends Socket>(socket: T): T {
    socket.on("error", () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  /**
   * Runs an attack while a well-behaved client of another tenant Gets its key over and over, and makes new
   * connections to do so: every Get must bring the key, before, during and after.
   */
  async besides(attack: () => Promise<void>): Promise<void> {
    const kept = this.client(this.good);
    const identifier = await kept.create();
    const { material } = await kept.get(identifier);
    const get = async (client: KmipClient) =>
      expect((await client.get(identifier)).material).toEqual(material);
    let going = true;
    let served = 0;
    const serving = (async () => {
      while (going) {
        await get(kept);
        const fresh = this.client(this.good);
        await get(fresh);
        fresh.close();
        served += 1;
      }
    })();
    try {
      await Promise.all([attack().finally(() => (going = false)), serving]);
    } finally {
      going = false;
    }
    expect(served).toBeGreaterThan(0);
    await get(kept);
    kept.close();
    expect(this.running.logger.lines.filter(({ level }) => level !== "debug")).toEqual([]);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) {
      socket.destroy();
    }
    for (const client of this.#clients.splice(0)) {
      client.close();
    }
    await this.running.server.close({ timeoutMs: 500 });
  }
}
