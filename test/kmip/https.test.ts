import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseEnv } from "@/lib/env";
import { requests, writeRequest } from "@/lib/kmip/client/client";
import { readResponse } from "@/lib/kmip/client/responses";
import { decodeJson, encodeJson } from "@/lib/kmip/encoding/json";
import { decodeXml, encodeXml } from "@/lib/kmip/encoding/xml";
import { createKmipEngine, type KmipEngine } from "@/lib/kmip/engine/engine";
import { KeyFormatType, Operation, ResultReason, ResultStatus } from "@/lib/kmip/protocol/enumerations";
import {
  MemoryAuditWriter,
  MemoryKeyStore,
  MemoryLogger,
  MemoryTenantDirectory,
} from "@/lib/kmip/testing/memory-ports";
import {
  createKmipHttpsServer,
  type HttpsLimits,
  type KmipHttpsServer,
} from "@/lib/kmip/transport/https-server";
import { decodeTtlv, encodeTtlv } from "@/lib/kmip/ttlv";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { eventually } from "./harness";

type Running = {
  readonly server: KmipHttpsServer;
  readonly port: number;
  readonly tenants: MemoryTenantDirectory;
  readonly audit: MemoryAuditWriter;
  readonly logger: MemoryLogger;
};

let own: TestCertificate;
let pinned: TestCertificate;
let stranger: TestCertificate;
let running: Running;
const agents: Agent[] = [];
const sockets: TLSSocket[] = [];

beforeAll(async () => {
  own = await createSelfSigned({
    commonName: "kmip.test",
    alternativeNames: [{ type: "ip", value: "127.0.0.1" }],
  });
  pinned = await createSelfSigned({ commonName: "vcenter" });
  stranger = await createSelfSigned({ commonName: "stranger" });
});

async function start(
  limits: Partial<HttpsLimits> = {},
  wrap: (engine: KmipEngine) => KmipEngine = (engine) => engine,
): Promise<void> {
  const tenants = new MemoryTenantDirectory();
  const audit = new MemoryAuditWriter();
  const logger = new MemoryLogger();
  tenants.pin("instance-a", pinned.sha256);
  const server = createKmipHttpsServer({
    host: "127.0.0.1",
    port: 0,
    tls: { cert: own.certPem, key: own.keyPem },
    engine: wrap(createKmipEngine({ store: new MemoryKeyStore(), audit, logger })),
    tenants,
    logger,
    limits,
  });
  const { port } = await server.listen();
  running = { server, port, tenants, audit, logger };
}

afterEach(async () => {
  for (const agent of agents.splice(0)) {
    agent.destroy();
  }
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await running.server.close({ timeoutMs: 300 });
});

function agentOf(certificate: TestCertificate | null): Agent {
  const identity = certificate === null ? {} : { cert: certificate.certPem, key: certificate.keyPem };
  const agent = new Agent({ ...identity, ca: own.certPem, keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  return agent;
}

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };
type PostOptions = { agent?: Agent; method?: string; path?: string; headers?: Record<string, string> };

function post(
  contentType: string | null,
  body: Uint8Array | string,
  options: PostOptions = {},
): Promise<Answer> {
  const { agent = agentOf(pinned), method = "POST", path = "/kmip", headers = {} } = options;
  const type: Record<string, string> = contentType === null ? {} : { "Content-Type": contentType };
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      {
        host: "127.0.0.1",
        port: running.port,
        path,
        method,
        agent,
        headers: { ...type, "Content-Length": String(Buffer.byteLength(body)), ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

const discover = writeRequest("1.4", [requests.discoverVersions()]);
const TTLV = "application/octet-stream";

const ENCODINGS = [
  { type: TTLV, write: (ttlv: Buffer): Uint8Array | string => ttlv, read: (body: Buffer) => body },
  {
    type: "text/xml",
    write: (ttlv: Buffer) => encodeXml(decodeTtlv(ttlv)),
    read: (body: Buffer) => encodeTtlv(decodeXml(body.toString("utf8"))),
  },
  {
    type: "application/json",
    write: (ttlv: Buffer) => encodeJson(decodeTtlv(ttlv)),
    read: (body: Buffer) => encodeTtlv(decodeJson(body.toString("utf8"))),
  },
];

describe.each(ENCODINGS)("$type", ({ type, write, read }) => {
  it("makes a key and serves it, on one connection", async () => {
    await start();
    const agent = agentOf(pinned);
    const send = async (message: Buffer) => {
      const answer = await post(type, write(message), { agent });
      expect(answer).toMatchObject({
        status: 200,
        headers: { "content-type": type, "cache-control": "no-cache" },
      });
      const [item] = readResponse(read(answer.body)).items;
      return item;
    };
    const created = await send(writeRequest("1.4", [requests.create({ name: "vm-1" })]));
    expect(created?.status).toBe(ResultStatus.Success);
    const [record] = running.audit.records;
    const id = record?.uniqueIdentifiers[0] ?? "";
    const got = await send(writeRequest("1.4", [requests.get(id)]));
    expect(got).toMatchObject({ status: ResultStatus.Success });
    expect(JSON.stringify(got?.payload)).toContain(`"value":${KeyFormatType.Raw}`);
    expect(running.audit.records).toHaveLength(2);
    expect(running.audit.records[1]).toMatchObject({ servedMaterial: true, remoteAddress: "127.0.0.1" });
    expect(running.server.stats()).toMatchObject({ requests: 2, connections: 1 });
  });

  it("answers a body that is no message in KMIP, and records it", async () => {
    await start();
    const answer = await post(type, "nonsense");
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": type } });
    expect(readResponse(read(answer.body)).items).toMatchObject([
      { status: ResultStatus.OperationFailed, resultReason: ResultReason.InvalidMessage },
    ]);
    expect(running.audit.records).toMatchObject([{ outcome: "failure", operation: null }]);
  });
});

describe("ports", () => {
  it("are none unless they are named, one for each zone", () => {
    expect(parseEnv({}).KMIP_HTTPS_PORTS).toBeUndefined();
    expect(parseEnv({ KMIP_HTTPS_PORTS: "5796, 5797" }).KMIP_HTTPS_PORTS).toEqual([5796, 5797]);
    expect(() => parseEnv({ KMIP_HTTPS_PORTS: "5796,5796" })).toThrow(
      /KMIP_HTTPS_PORTS names one port twice/,
    );
  });
});

describe("who may speak", () => {
  it("nobody without a certificate", async () => {
    await start();
    await expect(post(TTLV, discover, { agent: agentOf(null) })).rejects.toThrow();
    expect(running.server.stats().failedHandshakes).toMatchObject([{ reason: "no-certificate" }]);
    expect(running.audit.records).toEqual([]);
  });

  it("nobody whose certificate is not pinned", async () => {
    await start();
    await expect(post(TTLV, discover, { agent: agentOf(stranger) })).rejects.toThrow();
    expect(running.server.stats().failedHandshakes).toMatchObject([
      { reason: "not-pinned", certificateSha256: stranger.sha256 },
    ]);
    expect(running.audit.records).toEqual([]);
  });

  it("nobody any more once the certificate is revoked, or was forgotten", async () => {
    await start();
    const agent = agentOf(pinned);
    expect((await post(TTLV, discover, { agent })).status).toBe(200);
    running.tenants.forget(pinned.sha256);
    await expect(post(TTLV, discover, { agent })).rejects.toThrow();
    running.tenants.pin("instance-a", pinned.sha256);
    expect((await post(TTLV, discover, { agent })).status).toBe(200);
    running.tenants.revoke(pinned.sha256);
    await eventually(() => running.server.stats().connections === 0, "the connection ends");
    expect(running.audit.records).toHaveLength(2);
  });
});

describe("a Content-Type that says little", () => {
  const xml = encodeXml(decodeTtlv(discover));
  const json = encodeJson(decodeTtlv(discover));

  it.each([
    ["none, and TTLV", null, discover, TTLV],
    ["none, and XML", null, xml, "text/xml"],
    ["none, and JSON", null, `\n  ${json}`, "application/json"],
    ["none, and XML with a byte order mark", null, `\ufeff${xml}`, "text/xml"],
    ["any, and TTLV", "*/*", discover, TTLV],
    ["any, and JSON", "*/*", json, "application/json"],
    ["any of applications", "application/*; q=0.5", discover, TTLV],
    ["TTLV with a parameter", "application/octet-stream; kind=kmip", discover, TTLV],
    ["TTLV with a character set", "application/octet-stream; charset=ISO-8859-1", discover, TTLV],
    ["XML with another parameter", "text/xml; version=1.0; charset=utf-8", xml, "text/xml"],
    ["XML in ASCII", 'text/xml;charset="us-ascii"', xml, "text/xml"],
    [
      "JSON of a library that writes Latin-1",
      "application/json; charset=iso-8859-1",
      json,
      "application/json",
    ],
  ])("%s", async (_, type, body, answered) => {
    await start();
    const answer = await post(type, body);
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, answered]);
    expect(running.audit.records).toMatchObject([
      { outcome: "success", operation: Operation.DiscoverVersions },
    ]);
  });

  it("and bytes that are no message are answered as such", async () => {
    await start();
    const answer = await post(null, "q=1");
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, TTLV]);
    const { items } = readResponse(answer.body);
    expect(items).toMatchObject([{ resultReason: ResultReason.InvalidMessage }]);
  });
});

describe("what HTTP refuses", () => {
  it.each([
    ["another path", 404, TTLV, { path: "/" }],
    ["another method", 405, TTLV, { method: "PUT" }],
    ["another media type", 415, "text/html", {}],
    ["another character set", 415, "text/xml; charset=utf-16", {}],
    ["a compressed body", 415, TTLV, { headers: { "Content-Encoding": "gzip" } }],
  ])("%s", async (_, status, type, options) => {
    await start();
    const answer = await post(type, discover, options);
    expect(answer.status).toBe(status);
    expect(answer.headers.connection).toBe("close");
    if (status === 405) {
      expect(answer.headers.allow).toBe("POST");
    }
    expect(running.audit.records).toEqual([]);
  });

  it("a body that is too large, announced or in pieces", async () => {
    await start({ maxBodyBytes: 200 });
    expect((await post(TTLV, Buffer.alloc(201))).status).toBe(413);
    const chunked = await raw("POST /kmip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
    chunked.write(`Content-Type: ${TTLV}\r\n\r\n12c\r\n${"a".repeat(300)}\r\n`);
    expect(await firstLine(chunked)).toContain(" 413 ");
    expect(
      (await post("application/json; charset=UTF-8", encodeJson(decodeTtlv(discover)).slice(0, 200))).status,
    ).toBe(200);
  });

  it("a body that is announced as too large, before it is sent; others may come", async () => {
    await start({ maxBodyBytes: 200 });
    const head = `POST /kmip HTTP/1.1\r\nHost: a\r\nContent-Type: ${TTLV}\r\nExpect: 100-continue\r\n`;
    expect(await firstLine(await raw(`${head}Content-Length: 201\r\n\r\n`))).toContain(" 413 ");
    const welcome = await raw(`${head}Content-Length: ${discover.length}\r\n\r\n`);
    expect(await firstLine(welcome)).toContain(" 100 ");
    welcome.write(discover);
    expect(await firstLine(welcome)).toContain(" 200 ");
  });

  it("a message without length", async () => {
    await start();
    const socket = await raw(`POST /kmip HTTP/1.1\r\nHost: a\r\nContent-Type: ${TTLV}\r\n\r\n`);
    expect(await firstLine(socket)).toContain(" 411 ");
  });

  it("headers without end, and what is no HTTP", async () => {
    await start({ maxHeaderBytes: 1_024 });
    for (const hostile of [`GET / HTTP/1.1\r\nA: ${"a".repeat(5_000)}`, "\u0042\u0000\u0078\u0001"]) {
      const socket = await raw(hostile);
      if (!socket.destroyed) {
        await new Promise<void>((resolve) => socket.once("close", () => resolve()));
      }
    }
    expect((await post(TTLV, discover)).status).toBe(200);
  });
});

async function raw(start: string): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port: running.port,
    cert: pinned.certPem,
    key: pinned.keyPem,
    rejectUnauthorized: false,
  });
  socket.on("error", () => undefined);
  sockets.push(socket);
  await once(socket, "secureConnect");
  socket.write(start);
  return socket;
}

async function firstLine(socket: TLSSocket): Promise<string> {
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString("latin1").split("\r\n")[0] ?? "";
}

describe("time", () => {
  it("ends connections that say nothing, or do not finish what they say", async () => {
    await start({ idleTimeoutMs: 100, requestTimeoutMs: 200 });
    const silent = await raw("");
    const slow = await raw(
      `POST /kmip HTTP/1.1\r\nHost: a\r\nContent-Type: ${TTLV}\r\nContent-Length: 100\r\n\r\nB`,
    );
    await eventually(() => silent.destroyed && slow.destroyed, "both end");
    expect(running.logger.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("ends connections whose client does not read", async () => {
    // An answer larger than any buffer between the two.
    const large = Buffer.alloc(64 * 1024 * 1024);
    let released = false;
    await start({ writeTimeoutMs: 200 }, (engine) => ({
      ...engine,
      handle: async () => ({
        bytes: large,
        release: () => {
          released = true;
        },
      }),
    }));
    const socket = await raw(
      `POST /kmip HTTP/1.1\r\nHost: a\r\nContent-Type: ${TTLV}\r\nContent-Length: ${discover.length}\r\n\r\n`,
    );
    socket.pause();
    socket.write(discover);
    await eventually(() => running.server.stats().connections === 0, "the connection ends");
    await eventually(() => released, "the answer is released");
  });

  it("answers what is in flight before it closes, and nothing after", async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let begun = false;
    await start({}, (engine) => ({
      ...engine,
      async handle(message, origin) {
        begun = true;
        await gate;
        return engine.handle(message, origin);
      },
    }));
    const answer = post(TTLV, discover);
    await eventually(() => begun, "the request arrives");
    const silent = await raw("");
    const closed = running.server.close({ timeoutMs: 10_000 });
    go();
    expect((await answer).status).toBe(200);
    await closed;
    await eventually(() => silent.destroyed, "an idle connection is not waited for");
    await expect(post(TTLV, discover)).rejects.toThrow();
  });
});
