/**
 * Hostile input at the HTTPS listener, which shares its process with the TLS listener: each row of the tables is an
 * attack, during which a well-behaved client is served at the TLS listener, and another is after it over HTTPS.
 */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { requests, writeRequest } from "@/lib/kmip/client/client";
import { readResponse } from "@/lib/kmip/client/responses";
import { encodeJson } from "@/lib/kmip/encoding/json";
import { encodeXml } from "@/lib/kmip/encoding/xml";
import { createKmipEngine } from "@/lib/kmip/engine/engine";
import { ResultReason, ResultStatus } from "@/lib/kmip/protocol/enumerations";
import {
  createKmipHttpsServer,
  type HttpsLimits,
  type KmipHttpsServer,
} from "@/lib/kmip/transport/https-server";
import { decodeTtlv } from "@/lib/kmip/ttlv";
import { eventually } from "./harness";
import { closing, readAll, Wire } from "./wire";

let wire: Wire;
let https: KmipHttpsServer;
let port: number;
const sockets: TLSSocket[] = [];

async function start(limits: Partial<HttpsLimits> = {}): Promise<void> {
  wire = await Wire.start();
  const { store, audit, logger, tenants, connectionLimits, certificate } = wire.running;
  https = createKmipHttpsServer({
    host: "127.0.0.1",
    port: 0,
    tls: { cert: certificate.certPem, key: certificate.keyPem },
    engine: createKmipEngine({ store, audit, logger }),
    tenants,
    connectionLimits,
    logger,
    limits,
  });
  ({ port } = await https.listen());
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await https.close({ timeoutMs: 300 });
  await wire.close();
});

async function open(certificate = wire.hostile): Promise<TLSSocket> {
  const { certPem: cert, keyPem: key } = certificate;
  const socket = connect({ host: "127.0.0.1", port, cert, key, rejectUnauthorized: false });
  socket.on("error", () => undefined);
  sockets.push(socket);
  await once(socket, "secureConnect");
  return socket;
}

const TTLV = "application/octet-stream";
const discover = writeRequest("1.4", [requests.discoverVersions()]);

function head(type: string, ...headers: string[]): string {
  return ["POST /kmip HTTP/1.1", "Host: kmip", `Content-Type: ${type}`, ...headers, "", ""].join("\r\n");
}

const post = (type: string, body: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(head(type, `Content-Length: ${bytes.length}`)), bytes]);
};

/** Status codes of the answers in a stream. */
const statuses = (stream: Buffer): number[] =>
  [...stream.toString("latin1").matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));

const bodyOf = (answer: Buffer): Buffer => answer.subarray(answer.indexOf("\r\n\r\n") + 4);
const INVALID = ResultReason.InvalidMessage;

/** After an attack the listener serves a client of another tenant, and logged nothing. */
async function isWell(): Promise<void> {
  const socket = await open(wire.good);
  socket.write(post(TTLV, discover));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(statuses(answer)).toEqual([200]);
  socket.destroy();
  expect(wire.running.logger.lines.filter(({ level }) => level !== "debug")).toEqual([]);
}

describe("requests that HTTP refuses, or that are none", () => {
  const chunked = (...chunks: string[]) =>
    head(TTLV, "Transfer-Encoding: chunked") + chunks.map((chunk) => `${chunk}\r\n`).join("");
  it.each<[string, string | Buffer, number[]]>([
    ["a chunk whose size is no number", chunked("zz", "x"), [400]],
    ["a chunk of a negative size", chunked("-1", "x"), [400]],
    ["a chunk of sixteen exabytes", chunked("ffffffffffffffff", "x"), [400, 413]],
    ["a chunk that is longer than it says", chunked("1", "xyz"), [400]],
    ["a chunk extension without end", chunked(`1;${"x".repeat(40_000)}`, "x"), [400, 413]],
    ["trailers without end", chunked("0", ...many(4_000, (n) => `x${n}: y`)), [400, 413, 431]],
    ["no length", head(TTLV), [411]],
    ["a length that is no number", head(TTLV, "Content-Length: abc"), [400]],
    ["a negative length", head(TTLV, "Content-Length: -1"), [400]],
    ["a length beyond all numbers", head(TTLV, `Content-Length: ${"9".repeat(30)}`), [400, 413]],
    ["two lengths", head(TTLV, "Content-Length: 5", "Content-Length: 6"), [400]],
    [
      "a length and chunks",
      `${head(TTLV, "Content-Length: 5", "Transfer-Encoding: chunked")}0\r\n\r\n`,
      [400],
    ],
    ["an encoding of transfer that nobody knows", head(TTLV, "Transfer-Encoding: gzip"), [400, 501]],
    ["a line without end", `POST /${"k".repeat(100_000)}`, [400, 414, 431]],
    ["a header without end", head(TTLV, `X: ${"x".repeat(100_000)}`), [431]],
    ["many headers", head(TTLV, ...many(5_000, (n) => `X-${n}: 1`), "Content-Length: 5"), [431]],
    ["a header over two lines", head(TTLV, "X: a\r\n b", "Content-Length: 5"), [400]],
    ["a NUL in a header", head(TTLV, "X: a\0b", "Content-Length: 5"), [400]],
    ["no host", "POST /kmip HTTP/1.1\r\nContent-Length: 0\r\n\r\n", [400]],
    ["HTTP/2 by force", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 505]],
    ["HTTP/0.9", "GET /kmip\r\n\r\n", [400, 405]],
    ["a tunnel", "CONNECT kmip:443 HTTP/1.1\r\nHost: kmip\r\n\r\n", []],
    [
      "an upgrade",
      head(TTLV, "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0"),
      [200, 400, 426],
    ],
    ["an expectation of nobody", head(TTLV, "Expect: 200-nothing", "Content-Length: 5"), [417]],
    ["another path", "POST /kmip/../etc/passwd HTTP/1.1\r\nHost: kmip\r\nContent-Length: 0\r\n\r\n", [404]],
    ["another method", "TRACE /kmip HTTP/1.1\r\nHost: kmip\r\nContent-Length: 0\r\n\r\n", [400, 405]],
    ["a form", post("multipart/form-data; boundary=x", "--x--"), [415]],
    ["XML in UTF-16", post("text/xml; charset=utf-16", "<a/>"), [415]],
    ["a type that is none", post("/;;;=", "x"), [415]],
    ["a TLS hello inside", Buffer.from("16030100050100000100", "hex"), [400]],
  ])("%s", async (_name, request, expected) => {
    await start({ requestTimeoutMs: 1_500, idleTimeoutMs: 1_500 });
    await wire.besides(async () => {
      const socket = await open();
      const all = readAll(socket);
      socket.write(request);
      const answered = statuses(await all);
      // Node's parser ends a connection without a word when it can make nothing of it.
      expect(answered.length).toBeLessThanOrEqual(1);
      for (const status of answered) {
        expect(expected).toContain(status);
      }
    });
    await isWell();
  });
});

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

describe("bodies that are no message are answered in KMIP", () => {
  const xmlOf = (inner: string) => `<RequestMessage>${inner}</RequestMessage>`;
  const entities = many(9, (n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join("");
  it.each<[string, string, string | Uint8Array]>([
    ["noise", TTLV, Buffer.alloc(1_000, 0xa5)],
    ["nothing", TTLV, ""],
    ["two messages", TTLV, Buffer.concat([discover, discover])],
    ["a message that is cut off", TTLV, discover.subarray(0, discover.length - 8)],
    [
      "entities that grow by the power of ten",
      "text/xml",
      `<!DOCTYPE x [<!ENTITY l0 "lol">${entities}]><RequestMessage>&l9;</RequestMessage>`,
    ],
    ["an entity from a file", "text/xml", `<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>`],
    ["an entity of nobody", "text/xml", xmlOf(`<UniqueIdentifier type="TextString" value="&x;"/>`)],
    [
      "300000 references",
      "text/xml",
      xmlOf(`<UniqueIdentifier type="TextString" value="${"&lt;".repeat(300_000)}"/>`),
    ],
    ["100000 elements in one another", "text/xml", "<RequestMessage>".repeat(100_000)],
    ["400000 elements", "text/xml", xmlOf("<a/>".repeat(400_000))],
    ["a comment without end", "text/xml", xmlOf(`<!--${"-".repeat(500_000)}`)],
    ["a processing instruction", "text/xml", xmlOf("<?php phpinfo() ?>")],
    ["bytes that are no UTF-8", "text/xml", Buffer.from("3c61c3283e", "hex")],
    ["a NUL", "application/json", '{"tag":"RequestMessage\\u0000"}\0'],
    ["a million arrays in one another", "application/json", "[".repeat(1_000_000)],
    [
      "half a million arrays in one another, well closed",
      "application/json",
      "[".repeat(500_000) + "]".repeat(500_000),
    ],
    ["200000 objects in one another", "application/json", '{"value":'.repeat(200_000)],
    ["600000 objects", "application/json", `[${"{},".repeat(600_000)}{}]`],
    ["a number of a million digits", "application/json", "9".repeat(1_000_000)],
    ["null", "application/json", "null"],
    [
      "a prototype",
      "application/json",
      '{"__proto__":{"tag":"RequestMessage","polluted":true},"tag":"RequestMessage","value":[]}',
    ],
    [
      "a constructor",
      "application/json",
      '{"tag":"RequestMessage","constructor":{"prototype":{"polluted":true}},"value":[]}',
    ],
    ["a tag of every object", "application/json", '{"tag":"__proto__","value":[]}'],
    ["another tag of every object", "application/json", '{"tag":"constructor","value":[]}'],
    ["a type of every object", "application/json", '{"tag":"RequestMessage","type":"toString","value":[]}'],
    [
      "an enumeration of every object",
      "application/json",
      '{"tag":"RequestMessage","value":[{"tag":"Operation","type":"Enumeration","value":"valueOf"}]}',
    ],
    [
      "an attribute of every object",
      "application/json",
      '{"tag":"Attribute","value":[{"tag":"AttributeName","type":"TextString","value":"__proto__"},' +
        '{"tag":"AttributeValue","type":"Enumeration","value":"x"}]}',
    ],
  ])("%s (%s)", async (_name, type, body) => {
    await start();
    await wire.besides(async () => {
      const socket = await open();
      socket.write(post(type, body));
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(statuses(answer)).toEqual([200]);
      expect(answer.toString("latin1").toLowerCase()).toContain(`content-type: ${type}`);
      if (type === TTLV) {
        expect(readResponse(bodyOf(answer)).items[0]?.resultReason).toBe(INVALID);
      } else {
        expect(answer.toString("latin1")).toMatch(/InvalidMessage|InvalidField/);
      }
      // The connection goes on.
      socket.write(post(TTLV, discover));
      const [next] = (await once(socket, "data")) as [Buffer];
      expect(readResponse(bodyOf(next)).items[0]?.status).toBe(ResultStatus.Success);
    });
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    await isWell();
  });

  it("and braces and quotation marks within texts are none of JSON", async () => {
    await start();
    const identifier = `${"{[,".repeat(200)}\\"{{\\\\"]`;
    const message = decodeTtlv(writeRequest("1.4", [requests.get(identifier)]));
    const socket = await open();
    for (const [type, body] of [
      ["application/json", encodeJson(message)],
      ["text/xml", encodeXml(message)],
    ] as const) {
      socket.write(post(type, body));
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString("latin1")).toContain("ItemNotFound");
    }
    expect(wire.running.audit.records.map(({ resultReason }) => resultReason)).toEqual([
      ResultReason.ItemNotFound,
      ResultReason.ItemNotFound,
    ]);
    expect(wire.running.audit.records[0]?.uniqueIdentifiers[0]).toBe(identifier.slice(0, 255));
  });
});

describe("connections", () => {
  it("whose head, or body, comes byte by byte end with the time of the request", async () => {
    await start({ requestTimeoutMs: 600, idleTimeoutMs: 10_000 });
    await wire.besides(async () => {
      const slow = await Promise.all(many(20, () => open()));
      const request = post(TTLV, discover);
      let at = 0;
      for (const [index, socket] of slow.entries()) {
        if (index % 2 === 1) {
          socket.write(request.subarray(0, request.length - discover.length));
        }
      }
      const drip = setInterval(() => {
        for (const [index, socket] of slow.entries()) {
          const from = index % 2 === 1 ? request.length - discover.length : 0;
          if (socket.writable) {
            socket.write(request.subarray(from + at, from + at + 1));
          }
        }
        at += 1;
      }, 50);
      await Promise.all(slow.map((socket) => closing(socket.resume())));
      clearInterval(drip);
      expect(at).toBeLessThan(discover.length);
    });
    await isWell();
  });

  it("that announce more than they send end with the time; who sends more is cut off", async () => {
    await start({ requestTimeoutMs: 500, idleTimeoutMs: 500 });
    await wire.besides(async () => {
      const less = await open();
      const nothing = readAll(less);
      less.write(
        Buffer.concat([Buffer.from(head(TTLV, `Content-Length: ${discover.length + 8}`)), discover]),
      );
      expect(statuses(await nothing).filter((status) => status !== 408)).toEqual([]);
      const more = await open();
      const all = readAll(more);
      more.write(Buffer.concat([Buffer.from(head(TTLV, "Content-Length: 8")), discover]));
      expect(statuses(await all)[0] ?? 200).toBe(200);
    });
    await isWell();
  });

  it("that cut a body into chunks of one byte are answered, without more memory than the body takes", async () => {
    await start();
    await wire.besides(async () => {
      const socket = await open();
      const bytes = writeRequest("1.4", [requests.get("n".repeat(60_000))]);
      const chunks = [...bytes].map((byte) => Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a]));
      socket.write(
        Buffer.concat([
          Buffer.from(head(TTLV, "Transfer-Encoding: chunked")),
          ...chunks,
          Buffer.from("0\r\n\r\n"),
        ]),
      );
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(readResponse(bodyOf(answer)).items[0]?.resultReason).toBe(ResultReason.ItemNotFound);
    });
    await isWell();
  });

  it("that send requests ahead of the answers have some answered in order, and end with too many", async () => {
    await start({ maxPipelined: 4 });
    await wire.besides(async () => {
      const patient = await open();
      const answers: Buffer[] = [];
      patient.on("data", (chunk: Buffer) => answers.push(chunk));
      patient.write(Buffer.concat(many(3, () => post(TTLV, discover))));
      await eventually(() => statuses(Buffer.concat(answers)).length === 3, "three answers");
      const greedy = await open();
      const all = readAll(greedy);
      greedy.write(Buffer.concat(many(500, () => post(TTLV, discover))));
      expect(statuses(await all).length).toBeLessThan(500);
    });
    expect(wire.running.connectionLimits.limitsHit.pipelined).toBeGreaterThan(0);
    await isWell();
  });

  it("with more unfinished bodies than an instance may hold are ended", async () => {
    wire = await Wire.start({ maxHeldBytesPerInstance: 300_000 });
    const { store, audit, logger, tenants, connectionLimits, certificate } = wire.running;
    https = createKmipHttpsServer({
      host: "127.0.0.1",
      port: 0,
      tls: { cert: certificate.certPem, key: certificate.keyPem },
      engine: createKmipEngine({ store, audit, logger }),
      tenants,
      connectionLimits,
      logger,
    });
    ({ port } = await https.listen());
    await wire.besides(async () => {
      const greedy = await Promise.all(many(8, () => open()));
      const unfinished = Buffer.concat([
        Buffer.from(head(TTLV, "Content-Length: 1000000")),
        Buffer.alloc(100_000),
      ]);
      for (const socket of greedy) {
        socket.resume().write(unfinished);
      }
      await eventually(() => greedy.some(({ destroyed }) => destroyed), "some are ended");
      expect(greedy.some(({ destroyed }) => !destroyed)).toBe(true);
    });
    expect(connectionLimits.limitsHit["held-bytes"]).toBeGreaterThan(0);
    await isWell();
  });

  it("count for the same limits as those of the TLS listener", async () => {
    await start();
    const both = [await open(), await wire.open(), await open(wire.good)];
    await eventually(() => wire.running.connectionLimits.connections === 3, "all have their slot");
    for (const socket of both) {
      socket.destroy();
    }
    await eventually(() => wire.running.connectionLimits.connections === 0, "nobody has one");
  });

  it("resume a session only while their certificate is pinned", async () => {
    await start();
    const first = await open();
    const [ticket] = (await once(first, "session")) as [Buffer];
    first.end();
    wire.running.tenants.revoke(wire.hostile.sha256);
    const { certPem: cert, keyPem: key } = wire.hostile;
    const resumed = connect({
      host: "127.0.0.1",
      port,
      cert,
      key,
      session: ticket,
      rejectUnauthorized: false,
    });
    resumed.on("error", () => undefined);
    sockets.push(resumed);
    let reused = false;
    resumed.once("secureConnect", () => {
      reused = resumed.isSessionReused();
    });
    const all = readAll(resumed);
    resumed.write(post(TTLV, discover));
    expect(await all).toHaveLength(0);
    expect(reused).toBe(true);
    expect(https.stats().failedHandshakes).toMatchObject([
      { reason: "not-pinned", certificateSha256: wire.hostile.sha256 },
    ]);
    expect(wire.running.audit.records).toEqual([]);
  });
});
