import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { KmipClient, requests, writeRequest } from "@/lib/kmip/client/client";
import { readResponse } from "@/lib/kmip/client/responses";
import { createKmipEngine, type KmipEngine } from "@/lib/kmip/engine/engine";
import { QueryFunction, ResultReason } from "@/lib/kmip/protocol/enumerations";
import {
  type ConnectionLimitSettings,
  createKmipServer,
  type ServerLimits,
} from "@/lib/kmip/transport/server";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { eventually, type RunningServer, startServer } from "./harness";

let pinned: TestCertificate;
let other: TestCertificate;
let stranger: TestCertificate;
let running: RunningServer;
const sockets: Socket[] = [];
const clients: KmipClient[] = [];

beforeAll(async () => {
  [pinned, other, stranger] = (await Promise.all(
    ["vcenter", "other", "stranger"].map((commonName) => createSelfSigned({ commonName })),
  )) as [TestCertificate, TestCertificate, TestCertificate];
});

async function start(
  limits: Partial<ServerLimits & ConnectionLimitSettings> = {},
  wrap?: (engine: KmipEngine) => KmipEngine,
): Promise<void> {
  running = await startServer(limits, wrap);
  running.tenants.pin("instance-a", pinned.sha256);
  running.tenants.pin("instance-b", other.sha256);
}

beforeEach(() => {
  sockets.length = 0;
  clients.length = 0;
});

afterEach(async () => {
  for (const socket of sockets) {
    socket.destroy();
  }
  for (const client of clients) {
    client.close();
  }
  await running.server.close({ timeoutMs: 500 });
});

function makeClient(certificate: TestCertificate | null = pinned): KmipClient {
  const { port, certificate: own } = running;
  const identity = certificate === null ? {} : { cert: certificate.certPem, key: certificate.keyPem };
  const client = new KmipClient({ host: "127.0.0.1", port, ...identity, ca: own.certPem });
  clients.push(client);
  return client;
}

/** A TLS connection without a client around it. */
async function open(certificate: TestCertificate = pinned, options: object = {}): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port: running.port,
    cert: certificate.certPem,
    key: certificate.keyPem,
    rejectUnauthorized: false,
    ...options,
  });
  socket.on("error", () => undefined);
  sockets.push(socket);
  await once(socket, "secureConnect");
  return socket;
}

/** Resolves when a socket has closed, with or without an error. */
const closing = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));

/** Everything that the server sends until it closes. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await closing(socket);
  return Buffer.concat(chunks);
}

/** What a client keeps of a session that it may resume. */
async function sessionOf(maxVersion: "TLSv1.2" | "TLSv1.3"): Promise<Buffer> {
  const socket = await open(pinned, { maxVersion });
  const tickets: Buffer[] = [];
  socket.on("session", (ticket: Buffer) => tickets.push(ticket));
  socket.write(query);
  await once(socket, "data");
  const session = tickets.at(-1) ?? socket.getSession();
  // In good order: OpenSSL resumes no session that was torn down.
  socket.end();
  if (session === undefined) {
    throw new Error("no session");
  }
  return session;
}

const query = writeRequest("1.4", [requests.query([QueryFunction.QueryServerInformation])]);
const ask = (client: KmipClient) => client.query([QueryFunction.QueryServerInformation]);

describe("who may speak", () => {
  it("nobody without a certificate", async () => {
    await start();
    await expect(ask(makeClient(null))).rejects.toThrow();
    expect(running.failures).toMatchObject([{ reason: "no-certificate", certificateSha256: null }]);
    expect(running.audit.records).toEqual([]);
  });

  it("nobody with a certificate that is not pinned", async () => {
    await start();
    await expect(ask(makeClient(stranger))).rejects.toThrow();
    expect(running.failures).toMatchObject([
      {
        reason: "not-pinned",
        certificateSha256: stranger.sha256,
        subject: "CN=stranger",
        remoteAddress: "127.0.0.1",
      },
    ]);
    expect(running.server.stats()).toMatchObject({ connections: 0, accepted: 0, requests: 0 });
    expect(running.server.stats().failedHandshakes).toHaveLength(1);
  });

  it("each tenant to its own keys", async () => {
    await start();
    const [a, b] = [makeClient(pinned), makeClient(other)];
    const identifier = await a.create();
    await expect(b.get(identifier)).rejects.toMatchObject({ resultReason: ResultReason.ItemNotFound });
    expect(await b.locate()).toEqual([]);
    expect((await a.get(identifier)).material).toHaveLength(32);
    expect(running.audit.records.map(({ tenant }) => tenant.instanceId)).toEqual([
      "instance-a",
      "instance-b",
      "instance-b",
      "instance-a",
    ]);
    expect(running.seen).toHaveLength(2);
  });

  it("also over a resumed TLS session", async () => {
    await start();
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const session = await sessionOf(maxVersion);
      const second = await open(pinned, { maxVersion, session });
      expect(second.isSessionReused()).toBe(true);
      second.write(query);
      const [answer] = (await once(second, "data")) as [Buffer];
      expect(readResponse(answer).items[0]?.status).toBe(0);
    }
  });

  it("nobody over a resumed TLS session whose certificate was removed meanwhile", async () => {
    await start();
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      running.tenants.pin("instance-a", pinned.sha256);
      const session = await sessionOf(maxVersion);
      running.tenants.revoke(pinned.sha256);
      const before = running.audit.records.length;
      const failed = running.failures.length;
      // In TLS 1.2 the server has the last word of a resumed handshake, and may end it before the client knows.
      const resumed = await open(pinned, { maxVersion, session }).catch(() => null);
      if (resumed !== null && !resumed.closed) {
        expect(resumed.isSessionReused()).toBe(true);
        const all = readAll(resumed);
        resumed.write(query);
        expect(await all).toHaveLength(0);
      }
      await eventually(() => running.failures.length > failed, "the refusal is recorded");
      expect(running.failures.at(-1)).toMatchObject({
        reason: "not-pinned",
        certificateSha256: pinned.sha256,
        subject: "CN=vcenter",
      });
      expect(running.audit.records).toHaveLength(before);
    }
    expect(running.failures).toHaveLength(2);
  });

  it("nobody over a session that another certificate began: a ticket is who began it", async () => {
    await start();
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const session = await sessionOf(maxVersion);
      // The thief of a ticket without its secrets is not resumed; one with them is still who began it.
      const resumed = await open(other, { maxVersion, session });
      resumed.write(query);
      await once(resumed, "data");
      expect(running.audit.records.at(-1)?.tenant.instanceId).toBe("instance-a");
    }
  });

  it("no longer, from the moment a certificate is removed", async () => {
    await start();
    const [a, b] = [makeClient(pinned), makeClient(other)];
    await Promise.all([ask(a), ask(b)]);
    const socket = await open(pinned);
    const closed = closing(socket.resume());
    running.tenants.revoke(pinned.sha256);
    await closed;
    await eventually(() => running.server.stats().connections === 1, "only the other's connection is left");
    await expect(ask(a)).rejects.toThrow();
    await ask(b);
  });

  it("no longer, at the next message, even if nobody told the server", async () => {
    await start();
    const client = makeClient();
    await ask(client);
    running.tenants.forget(pinned.sha256);
    await expect(ask(client)).rejects.toThrow("closed");
  });

  it("as many as the limits allow", async () => {
    await start({ maxConnectionsPerCertificate: 2 });
    const keep = [await open(), await open()];
    await eventually(() => running.server.stats().connections === 2, "two connections");
    const third = await open().catch(() => null);
    if (third !== null && !third.destroyed) {
      await closing(third);
    }
    expect(running.failures.at(-1)?.detail).toContain("too many connections");
    expect(running.server.stats().connectionsByCertificate.get(pinned.sha256)).toBe(2);
    keep[0]?.destroy();
    await eventually(() => running.server.stats().connections === 1, "one connection is gone");
    await ask(makeClient());
  });
});

describe("a connection", () => {
  it("takes messages in pieces, several at once, and answers in order", async () => {
    await start();
    const socket = await open();
    const versions = ["1.0", "1.1", "1.2", "1.3", "1.4"] as const;
    const stream = Buffer.concat(versions.map((version) => writeRequest(version, [requests.query([3])])));
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    for (let at = 0; at < stream.length; at += 37) {
      socket.write(stream.subarray(at, at + 37));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const messages = () => {
      const found: Buffer[] = [];
      for (let at = 0; at + 8 <= received.length; ) {
        const end = at + 8 + received.readUInt32BE(at + 4);
        if (end > received.length) {
          break;
        }
        found.push(received.subarray(at, end));
        at = end;
      }
      return found;
    };
    await eventually(() => messages().length === versions.length, "all answers are here");
    expect(messages().map((message) => readResponse(message).version.minor)).toEqual([0, 1, 2, 3, 4]);
  });

  it("answers what was sent before the client closed its side", async () => {
    await start();
    const socket = await open(pinned, { allowHalfOpen: true });
    const all = readAll(socket);
    socket.end(Buffer.concat([query, query]));
    const answers = await all;
    expect(answers.length).toBe(2 * (8 + answers.readUInt32BE(4)));
  });

  it("has its answers zeroed once the socket has taken them", async () => {
    const kept: Uint8Array[] = [];
    await start({}, (engine) => ({
      ...engine,
      async handle(message, origin) {
        const response = await engine.handle(message, origin);
        kept.push(response.bytes);
        return response;
      },
    }));
    const client = makeClient();
    const identifier = await client.create();
    const { material } = await client.get(identifier);
    await eventually(() => kept[1]?.every((byte) => byte === 0) === true, "the answer is zeroed");
    expect(material.some((byte) => byte !== 0)).toBe(true);
  });

  it("speaks TLS 1.2 and 1.3, and nothing older", async () => {
    await start();
    for (const protocol of ["TLSv1.2", "TLSv1.3"] as const) {
      const socket = await open(pinned, { minVersion: protocol, maxVersion: protocol });
      expect(socket.getProtocol()).toBe(protocol);
    }
    const old = connect({
      host: "127.0.0.1",
      port: running.port,
      rejectUnauthorized: false,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    sockets.push(old);
    await expect(once(old, "secureConnect")).rejects.toThrow();
    const weak = connect({
      host: "127.0.0.1",
      port: running.port,
      rejectUnauthorized: false,
      maxVersion: "TLSv1.2",
      ciphers: "AES256-SHA",
    });
    sockets.push(weak);
    await expect(once(weak, "secureConnect")).rejects.toThrow();
  });
});

describe("tickets of sessions", () => {
  it("are worth nothing once their keys are renewed, or at another endpoint", async () => {
    await start({ ticketKeysMs: 1_500 });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      // The keys may be renewed right between the two connections; not every time.
      let reused: Buffer | null = null;
      while (reused === null) {
        const session = await sessionOf(maxVersion);
        if ((await open(pinned, { maxVersion, session })).isSessionReused()) {
          reused = session;
        }
      }
      let again: TLSSocket;
      do {
        await new Promise((resolve) => setTimeout(resolve, 200));
        again = await open(pinned, { maxVersion, session: reused });
      } while (again.isSessionReused());
      again.write(query);
      await once(again, "data");
    }
    const session = await sessionOf("TLSv1.3");
    const first = running;
    await start();
    expect((await open(pinned, { session })).isSessionReused()).toBe(false);
    await first.server.close({ timeoutMs: 500 });
  });
});

describe("operation of the server", () => {
  it("a fault in one connection stays in it", async () => {
    await start({}, (engine) => ({
      ...engine,
      handle: (message, origin) =>
        origin.tenant.instanceId === "instance-a"
          ? Promise.reject(new Error("bug"))
          : engine.handle(message, origin),
    }));
    const good = makeClient(other);
    await ask(good);
    await expect(ask(makeClient(pinned))).rejects.toThrow();
    await ask(good);
    expect(running.logger.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    expect(running.server.stats().inFlight).toBe(0);
  });

  it("swaps certificates without closing connections", async () => {
    await start();
    const client = makeClient();
    await ask(client);
    const next = await createSelfSigned({ commonName: "next" });
    running.server.updateTls({ cert: next.certPem, key: next.keyPem });
    await ask(client);
    const socket = await open();
    expect(socket.getPeerX509Certificate()?.subject).toBe("CN=next");
    expect(() => running.server.updateTls({ cert: "nonsense", key: next.keyPem })).toThrow();
    expect((await open()).getPeerX509Certificate()?.subject).toBe("CN=next");
  });

  it("offers ECDSA and RSA certificates side by side", async () => {
    await start();
    const ec = await createSelfSigned({ commonName: "ec" });
    const { certPem, keyPem } = running.certificate;
    running.server.updateTls({ cert: [ec.certPem, certPem], key: [ec.keyPem, keyPem] });
    const subject = async (ciphers: string) =>
      (await open(pinned, { maxVersion: "TLSv1.2", ciphers })).getPeerX509Certificate()?.subject;
    expect(await subject("ECDHE-ECDSA-AES256-GCM-SHA384")).toBe("CN=ec");
    expect(await subject("ECDHE-RSA-AES256-GCM-SHA384")).toBe("CN=kmip.test");
  });

  it("drains: the request in flight is answered, nothing new is taken", async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await start({}, (engine) => ({
      ...engine,
      async handle(message, origin) {
        await gate;
        return engine.handle(message, origin);
      },
    }));
    const idle = await open(other);
    const client = makeClient();
    const answer = ask(client);
    await eventually(() => running.server.stats().inFlight === 1, "a request is in flight");
    const stopped = running.server.close({ timeoutMs: 5000 });
    await closing(idle.resume());
    await expect(ask(makeClient(other))).rejects.toThrow();
    release();
    await answer;
    await stopped;
    expect(running.server.stats()).toMatchObject({ connections: 0, inFlight: 0, requests: 1 });
    expect(running.server.address()).toBeNull();
  });

  it("does not wait for ever when it drains", async () => {
    await start({}, (engine) => ({ ...engine, handle: () => new Promise(() => undefined) }));
    const answer = ask(makeClient());
    answer.catch(() => undefined);
    await eventually(() => running.server.stats().inFlight === 1, "a request is in flight");
    await running.server.close({ timeoutMs: 100 });
    await expect(answer).rejects.toThrow();
  });

  it("says that its port is taken", async () => {
    await start();
    const { store, audit, logger, tenants, certificate, port } = running;
    const second = createKmipServer({
      host: "127.0.0.1",
      port,
      tls: { cert: certificate.certPem, key: certificate.keyPem },
      engine: createKmipEngine({ store, audit, logger }),
      tenants,
      logger,
    });
    await expect(second.listen()).rejects.toMatchObject({ code: "EADDRINUSE" });
    await second.close();
  });
});
