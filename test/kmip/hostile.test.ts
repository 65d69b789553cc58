/**
 * Hostile input at the TLS listener: each row of the tables is an attack, during which a well-behaved client of
 * another tenant is served without a failure. Nothing here asserts how fast.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { nameAttribute, requests, writeRequest } from "@/lib/kmip/client/client";
import { readResponse } from "@/lib/kmip/client/responses";
import { QueryFunction, ResultReason, ResultStatus } from "@/lib/kmip/protocol/enumerations";
import { ItemType } from "@/lib/kmip/ttlv";
import { createSelfSigned } from "@/test/support/certificates";
import { eventually } from "./harness";
import { closing, messagesIn, readAll, Wire } from "./wire";

let wire: Wire;

afterEach(() => wire.close());

const query = writeRequest("1.4", [requests.query([QueryFunction.QueryServerInformation])]);

/** An item as it stands on the wire, whatever is wrong with it. */
function raw(tag: number, type: number, value: Uint8Array, length = value.length): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(((tag << 8) | type) >>> 0, 0);
  head.writeUInt32BE(length >>> 0, 4);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 7)]);
}

const int = (tag: number, value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return raw(tag, ItemType.Integer, bytes);
};
const enumeration = (tag: number, value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return raw(tag, ItemType.Enumeration, bytes);
};
const struct = (tag: number, ...items: Buffer[]): Buffer =>
  raw(tag, ItemType.Structure, Buffer.concat(items));

const VERSION = struct(0x420069, int(0x42006a, 1), int(0x42006b, 4));
const BATCH_COUNT = 0x42000d;
const item = (operation: number, ...fields: Buffer[]): Buffer =>
  struct(0x42000f, enumeration(0x42005c, operation), struct(0x420079, ...fields));
const GET = 0x0a;
const identifier = (text: Uint8Array): Buffer => raw(0x420094, ItemType.TextString, text);
const locate = (...fields: Buffer[]) => item(0x08, ...fields);
const get = item(GET, identifier(Buffer.from("none")));

type Parts = { count?: Buffer; header?: Buffer[]; items?: Buffer[]; after?: Buffer[] };
const message = ({ count = int(BATCH_COUNT, 1), header = [], items = [get], after = [] }: Parts = {}) =>
  struct(0x420078, struct(0x420077, VERSION, ...header, count), ...items, ...after);

const nested = (depth: number) => {
  let inner: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) {
    inner = struct(0x420078, inner);
  }
  return inner;
};

describe("messages after which there is no next one are answered and cut off", () => {
  it.each<[string, Buffer]>([
    ["text", Buffer.from("GET / HTTP/1.1\r\nHost: kmip\r\n\r\n")],
    ["a response message", struct(0x42007b, Buffer.alloc(16))],
    ["a request message that is no structure", raw(0x420078, ItemType.ByteString, Buffer.alloc(16))],
    ["a header that announces 4 GiB", raw(0x420078, 1, Buffer.alloc(0), 0xffff_fff8)],
    ["a header with a negative length", raw(0x420078, 1, Buffer.alloc(0), -8)],
    ["a header with the smallest length there is", raw(0x420078, 1, Buffer.alloc(0), -0x8000_0000)],
    ["a header that announces one byte too many", raw(0x420078, 1, Buffer.alloc(0), 1_048_569)],
    ["a tag of zeros", Buffer.alloc(8)],
  ])("%s", async (_name, bytes) => {
    wire = await Wire.start();
    await wire.besides(async () => {
      const socket = await wire.open();
      const all = readAll(socket);
      socket.write(bytes);
      expect(readResponse(await all).items).toMatchObject([
        { operation: null, status: ResultStatus.OperationFailed, resultReason: ResultReason.InvalidMessage },
      ]);
    });
    const refused = wire.running.audit.records.filter(({ tenant }) => tenant.instanceId === "instance-a");
    expect(refused).toMatchObject([{ operation: null, outcome: "failure" }]);
  });
});

const INVALID = ResultReason.InvalidMessage;

describe("messages that are wrong inside are answered, and the connection goes on", () => {
  const text = (value: string) => raw(0x420094, ItemType.TextString, Buffer.from(value));
  const attributes = Array.from({ length: 1_000 }, (_, index) =>
    struct(
      0x420008,
      raw(0x42000a, ItemType.TextString, Buffer.from(`x-${index}`)),
      raw(0x42000b, ItemType.TextString, Buffer.from("v")),
    ),
  );
  const template = (...items: Buffer[]) => struct(0x420091, ...items);
  const symmetric = enumeration(0x420057, 2);
  it.each<[string, Buffer, number[]]>([
    ["zeros", struct(0x420078, Buffer.alloc(64)), [INVALID]],
    ["nothing", struct(0x420078), [INVALID]],
    ["2000 structures in one another", nested(2_000), [INVALID]],
    [
      "a payload nested too deeply",
      message({ items: [item(GET, ...[nested(40)])] }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "60000 empty structures",
      struct(0x420078, ...Array.from({ length: 60_000 }, () => struct(0x42000f))),
      [INVALID],
    ],
    [
      "an item that says it is longer than the message",
      struct(0x420078, raw(0x420077, 1, Buffer.alloc(8), 4_096)),
      [INVALID],
    ],
    ["an item with a negative length", struct(0x420078, raw(0x420077, 1, Buffer.alloc(8), -8)), [INVALID]],
    ["an item of an unknown type", message({ count: raw(BATCH_COUNT, 0x0f, Buffer.alloc(4)) }), [INVALID]],
    ["an item of a strange tag", message({ header: [raw(0x990000, 2, Buffer.alloc(4))] }), [INVALID]],
    ["an Integer of eight bytes", message({ count: raw(BATCH_COUNT, 2, Buffer.alloc(8)) }), [INVALID]],
    ["a Batch Count of 2147483647", message({ count: int(BATCH_COUNT, 0x7fff_ffff) }), [INVALID]],
    ["a Batch Count of -1", message({ count: int(BATCH_COUNT, -1) }), [INVALID, ResultReason.InvalidField]],
    [
      "a Batch Count that is text",
      message({ count: raw(BATCH_COUNT, ItemType.TextString, Buffer.from("1")) }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "5000 batch items",
      message({ count: int(BATCH_COUNT, 5_000), items: Array.from({ length: 5_000 }, () => get) }),
      [INVALID],
    ],
    ["no batch item", message({ items: [] }), [INVALID]],
    ["an item behind the batch", message({ after: [text("x")] }), [INVALID, ResultReason.InvalidField]],
    ["bytes behind the batch that are no item", message({ after: [Buffer.alloc(8, 0xff)] }), [INVALID]],
    [
      "an Operation that is an Integer",
      message({ items: [struct(0x42000f, int(0x42005c, GET), struct(0x420079))] }),
      [INVALID, ResultReason.InvalidField],
    ],
    ["an operation of nobody", message({ items: [item(0x7fff_ffff)] }), [ResultReason.OperationNotSupported]],
    [
      "invalid UTF-8",
      message({ items: [item(GET, identifier(Buffer.from("c328a0a1", "hex")))] }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "overlong UTF-8",
      message({ items: [item(GET, identifier(Buffer.from("c0af", "hex")))] }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "half a character of UTF-16",
      message({ items: [item(GET, identifier(Buffer.from("eda080", "hex")))] }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "a NUL in a text",
      message({ items: [item(GET, identifier(Buffer.from("a\0b")))] }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "a Boolean of 2",
      message({ header: [raw(0x420010, ItemType.Boolean, Buffer.from("0000000000000002", "hex"))] }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "padding that is not zero",
      message({ count: Buffer.from("42000d02000000040000000100000001", "hex") }),
      [INVALID],
    ],
    [
      "a Big Integer of no bytes",
      message({ items: [item(GET, raw(0x420094, ItemType.BigInteger, Buffer.alloc(0)))] }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "an identifier of half a megabyte",
      message({ items: [item(GET, identifier(Buffer.alloc(524_288, 0x61)))] }),
      [ResultReason.ItemNotFound],
    ],
    [
      "Locate of -1 items",
      message({ items: [locate(int(0x42004f, -1))] }),
      [INVALID, ResultReason.InvalidField],
    ],
    [
      "a thousand attributes",
      message({ items: [item(0x01, symmetric, template(...attributes))] }),
      [ResultReason.InvalidField, ResultReason.GeneralFailure, ResultReason.IllegalOperation],
    ],
    [
      "an attribute of half a megabyte",
      writeRequest("1.4", [requests.create({ attributes: [nameAttribute("n".repeat(524_288))] })]),
      [ResultReason.InvalidField, ResultReason.GeneralFailure, ResultReason.IllegalOperation],
    ],
    [
      "a protocol version of nobody",
      struct(
        0x420078,
        struct(
          0x420077,
          struct(0x420069, int(0x42006a, -1), int(0x42006b, 0x7fff_ffff)),
          int(BATCH_COUNT, 1),
        ),
        get,
      ),
      [INVALID],
    ],
    ["two headers", message({ after: [struct(0x420077, VERSION, int(BATCH_COUNT, 1))] }), [INVALID]],
  ])("%s", async (_name, bytes, reasons) => {
    wire = await Wire.start();
    await wire.besides(async () => {
      const socket = await wire.open();
      for (const [sent, expected] of [
        [bytes, reasons],
        [query, null],
        [bytes, reasons],
      ] as const) {
        socket.write(sent);
        const [answer] = (await once(socket, "data")) as [Buffer];
        const [first] = readResponse(answer).items;
        if (expected === null) {
          expect(first?.status).toBe(ResultStatus.Success);
        } else {
          expect(expected).toContain(first?.resultReason);
        }
      }
    });
    expect(wire.running.store.objects("instance-a")).toEqual([]);
  });

  it("an odd length, and what follows is another stream", async () => {
    wire = await Wire.start();
    await wire.besides(async () => {
      const socket = await wire.open();
      const all = readAll(socket);
      socket.write(Buffer.concat([raw(0x420078, 1, Buffer.alloc(9)).subarray(0, 17), query]));
      socket.write(Buffer.from("rubbish behind it all"));
      const answers = messagesIn(await all).map((answer) => readResponse(answer).items[0]);
      expect(answers.map((answer) => answer?.resultReason)).toEqual([INVALID, null, INVALID]);
    });
  });
});

/** The bytes of a ClientHello, taken from Node's own client. */
async function clientHello(): Promise<Buffer> {
  const catcher = createServer();
  catcher.listen(0, "127.0.0.1");
  await once(catcher, "listening");
  const address = catcher.address();
  if (address === null || typeof address === "string") {
    throw new Error("no port");
  }
  const client = connect({ host: "127.0.0.1", port: address.port, rejectUnauthorized: false });
  client.on("error", () => undefined);
  const [peer] = await once(catcher, "connection");
  const [hello] = (await once(peer, "data")) as [Buffer];
  client.destroy();
  catcher.close();
  return hello;
}

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe("before TLS, and without it", () => {
  it.each<[string, Buffer]>([
    ["text", Buffer.from("GET / HTTP/1.1\r\nHost: kmip\r\n\r\n")],
    ["noise", Buffer.from("f3a1".repeat(5_000), "hex")],
    ["a record that announces more than TLS allows", Buffer.from("160301ffff010000", "hex")],
    ["an alert", Buffer.from("15030300020228", "hex")],
    ["application data", Buffer.from("1703030010".padEnd(42, "0"), "hex")],
    ["a hello of SSL 2", Buffer.from(`802e0100020015${"00".repeat(41)}`, "hex")],
    ["a KMIP message in plain", query],
  ])("%s is cut off and counted", async (_name, bytes) => {
    wire = await Wire.start();
    await wire.besides(async () => {
      const sockets = await Promise.all(many(20, () => wire.tcp()));
      for (const socket of sockets) {
        socket.resume().write(bytes);
      }
      await Promise.all(sockets.map(closing));
    });
    const { failedHandshakeCounts, failedHandshakes, handshaking } = wire.running.server.stats();
    expect(failedHandshakeCounts["tls-error"] + failedHandshakeCounts.closed).toBe(20);
    // A flood of the same from one address is one row of the list.
    expect(failedHandshakes.length).toBeLessThanOrEqual(2);
    expect(failedHandshakes[0]).toMatchObject({ remoteAddress: "127.0.0.1", certificateSha256: null });
    expect(handshaking).toBe(0);
  });

  it("half-open handshakes, silent or stuck behind their hello, end with their time", async () => {
    wire = await Wire.start({ handshakeTimeoutMs: 1_500 });
    const hello = await clientHello();
    await wire.besides(async () => {
      const sockets = await Promise.all(many(600, () => wire.tcp()));
      for (const [index, socket] of sockets.entries()) {
        socket.resume();
        if (index % 3 === 1) {
          socket.write(hello);
        }
        if (index % 3 === 2) {
          socket.write(hello.subarray(0, 40));
        }
      }
      await Promise.all(sockets.map(closing));
    });
    expect(wire.running.server.stats()).toMatchObject({
      handshaking: 0,
      failedHandshakeCounts: { timeout: 600 },
    });
  });

  it("a hello that comes byte by byte ends with its time", async () => {
    wire = await Wire.start({ handshakeTimeoutMs: 600 });
    const hello = await clientHello();
    await wire.besides(async () => {
      const socket = await wire.tcp();
      const closed = closing(socket.resume());
      let at = 0;
      const drip = setInterval(() => {
        if (socket.writable) {
          socket.write(hello.subarray(at, at + 1));
        }
        at += 1;
      }, 30);
      await closed;
      clearInterval(drip);
      expect(at).toBeLessThan(hello.length);
    });
    expect(wire.running.server.stats().failedHandshakeCounts.timeout).toBe(1);
  });

  it("more half-open handshakes than there is room for make room for whoever comes from elsewhere", async () => {
    wire = await Wire.start({ maxHandshakes: 50 });
    // All from one address here, the good client's too: it gets through whenever the flood leaves room.
    const sockets = await Promise.all(many(200, () => wire.tcp().then((socket) => socket.resume())));
    await eventually(() => sockets.filter(({ destroyed }) => destroyed).length >= 150, "the rest is cut off");
    expect(wire.running.server.stats().handshaking).toBeLessThanOrEqual(50);
    expect(wire.running.connectionLimits.limitsHit.handshakes).toBe(150);
    expect(wire.running.server.stats().failedHandshakeCounts.limit).toBe(150);
    for (const socket of sockets) {
      socket.destroy();
    }
    await eventually(() => wire.running.server.stats().handshaking === 0, "nobody is left");
    await wire.besides(async () => undefined);
  });

  it("a flood of handshakes without a certificate, and with one that nobody pinned", async () => {
    wire = await Wire.start();
    const stranger = await createSelfSigned({ commonName: "stranger" });
    await wire.besides(async () => {
      const sockets = many(400, (index) => wire.dial(index % 2 === 0 ? null : stranger));
      await Promise.all(sockets.map((socket) => closing(socket.resume())));
    });
    const stats = wire.running.server.stats();
    expect(stats.failedHandshakeCounts).toMatchObject({ "no-certificate": 200, "not-pinned": 200 });
    expect(stats.failedHandshakes).toHaveLength(2);
    expect(stats.failedHandshakes).toContainEqual(
      expect.objectContaining({ certificateSha256: stranger.sha256, subject: "CN=stranger" }),
    );
    // They are no messages, and leave nothing in the audit.
    expect(wire.running.audit.records.every(({ tenant }) => tenant.instanceId === "instance-b")).toBe(true);
  });

  it("clients that go away in the middle of it all", async () => {
    wire = await Wire.start();
    await wire.besides(async () => {
      for (let round = 0; round < 60; round += 1) {
        const tcp = await wire.tcp();
        tcp.write(Buffer.from("16030100", "hex"));
        if (round % 2 === 0) {
          tcp.resetAndDestroy();
        } else {
          tcp.destroy();
        }
        const dialled = wire.dial();
        dialled.once("connect", () => dialled.destroy());
        const opened = await wire.open();
        if (round % 3 === 0) {
          opened.write(query);
        }
        if (round % 3 === 1) {
          opened.write(query.subarray(0, 50));
        }
        opened.destroy();
        await closing(dialled);
      }
    });
    await eventually(() => wire.running.server.stats().connections === 0, "no connection is left");
    await eventually(() => wire.running.server.stats().handshaking === 0, "no handshake is left");
    expect(wire.running.server.stats().inFlight).toBe(0);
  });
});

describe("connections", () => {
  it("whose message comes byte by byte end with the time of the message, not of its bytes", async () => {
    wire = await Wire.start({ requestTimeoutMs: 500 });
    await wire.besides(async () => {
      const sockets = await Promise.all(many(20, () => wire.open()));
      let at = 0;
      const drip = setInterval(() => {
        for (const socket of sockets) {
          if (socket.writable) {
            socket.write(query.subarray(at, at + 1));
          }
        }
        at += 1;
      }, 40);
      await Promise.all(sockets.map((socket) => closing(socket.resume())));
      clearInterval(drip);
      expect(at).toBeLessThan(query.length);
    });
  });

  it("that send a large message in a great many pieces take no more memory than the message", async () => {
    wire = await Wire.start();
    await wire.besides(async () => {
      const socket = await wire.open();
      const large = message({ items: [item(GET, identifier(Buffer.alloc(60_000, 0x61)))] });
      for (const byte of large) {
        socket.write(Buffer.from([byte]));
      }
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(readResponse(answer).items).toMatchObject([{ resultReason: ResultReason.ItemNotFound }]);
    });
  });

  it("with more unfinished messages than an instance may hold are ended, those of others are not", async () => {
    wire = await Wire.start({ maxHeldBytesPerInstance: 300_000 });
    await wire.besides(async () => {
      const sockets = await Promise.all(many(8, () => wire.open()));
      const unfinished = raw(0x420078, 1, Buffer.alloc(100_000), 1_000_000);
      for (const socket of sockets) {
        socket.resume().write(unfinished);
      }
      await eventually(() => sockets.some(({ destroyed }) => destroyed), "some are ended");
      const left = sockets.filter(({ destroyed }) => !destroyed);
      expect(left.length).toBeGreaterThan(0);
      const modest = await wire.open();
      modest.write(query);
      await once(modest, "data");
    });
    expect(wire.running.connectionLimits.limitsHit["held-bytes"]).toBeGreaterThan(0);
  });

  it("that stop in the middle of a message, or of the last of several, get what is theirs", async () => {
    wire = await Wire.start();
    await wire.besides(async () => {
      const half = await wire.open(wire.hostile, { allowHalfOpen: true });
      const nothing = readAll(half);
      half.end(query.subarray(0, query.length - 1));
      expect(await nothing).toHaveLength(0);
      const whole = await wire.open(wire.hostile, { allowHalfOpen: true });
      const all = readAll(whole);
      whole.end(Buffer.concat([query, query, query.subarray(0, 8)]));
      expect(messagesIn(await all)).toHaveLength(2);
    });
  });

  it("by the thousand, idle, are no burden and are ended with their time", async () => {
    wire = await Wire.start({ idleTimeoutMs: 20_000 });
    const idle: TLSSocket[] = [];
    await wire.besides(async () => {
      const first = await wire.open();
      first.write(query);
      const [ticket] = (await once(first, "session")) as [Buffer];
      while (idle.length < 1_500) {
        idle.push(...(await Promise.all(many(100, () => wire.open(wire.hostile, { session: ticket })))));
      }
      await eventually(
        () => (wire.running.server.stats().connectionsByCertificate.get(wire.hostile.sha256) ?? 0) >= 1_500,
        "all are admitted",
      );
      // One of them may still speak.
      idle[700]?.write(query);
      await once(idle[700] as TLSSocket, "data");
      for (const socket of idle) {
        socket.destroy();
      }
      first.destroy();
    });
    await eventually(() => wire.running.server.stats().connections === 0, "no connection is left");
    await eventually(() => wire.running.connectionLimits.remembered === 0, "nobody is remembered");
  }, 120_000);

  it("that have nothing to say are ended", async () => {
    wire = await Wire.start({ idleTimeoutMs: 200 });
    const socket = await wire.open();
    socket.write(query);
    await once(socket, "data");
    await closing(socket.resume());
    await eventually(() => wire.running.server.stats().connections === 0, "no connection is left");
  });

  it("that never take in the end are ended all the same", async () => {
    wire = await Wire.start({ idleTimeoutMs: 200, writeTimeoutMs: 400 });
    const socket = await wire.open(wire.hostile, { allowHalfOpen: true });
    socket.write(query);
    await once(socket, "data");
    socket.pause();
    await eventually(() => wire.running.server.stats().connections === 0, "no connection is left");
  });

  it("that do not read are cut off, with little buffered for them", async () => {
    const large = Buffer.alloc(1_000_000, 0x42);
    let made = 0;
    wire = await Wire.start({ writeTimeoutMs: 300 }, (engine) => ({
      ...engine,
      async handle(bytes, origin) {
        if (origin.tenant.instanceId === "instance-b") {
          return engine.handle(bytes, origin);
        }
        made += 1;
        return { bytes: large, release: () => undefined };
      },
    }));
    await wire.besides(async () => {
      const socket = await wire.open();
      socket.pause();
      const closed = closing(socket);
      const writing = setInterval(() => {
        for (let count = 0; count < 50 && socket.writable; count += 1) {
          socket.write(query);
        }
      }, 10);
      await eventually(
        () => !wire.running.server.stats().connectionsByCertificate.has(wire.hostile.sha256),
        "the greedy client is gone",
      );
      clearInterval(writing);
      expect(made).toBeLessThan(20);
      socket.destroy();
      await closed;
    });
  });

  it("that send thousands of messages at once have them answered, one after the other", async () => {
    wire = await Wire.start();
    await wire.besides(async () => {
      const sockets = await Promise.all(many(20, () => wire.open(wire.hostile, { allowHalfOpen: true })));
      const stream = Buffer.concat(many(250, () => query));
      const answers = await Promise.all(
        sockets.map((socket) => {
          const all = readAll(socket);
          socket.end(stream);
          return all;
        }),
      );
      for (const answer of answers) {
        const messages = messagesIn(answer);
        expect(messages).toHaveLength(250);
        expect(readResponse(messages[249] as Buffer).items[0]?.status).toBe(ResultStatus.Success);
      }
    });
  }, 60_000);

  it("over their rate wait, and others do not", async () => {
    wire = await Wire.start({ messagesPerSecondPerCertificate: 2 });
    const socket = await wire.open(wire.hostile, { allowHalfOpen: true });
    const all = readAll(socket);
    socket.end(Buffer.concat(many(8, () => query)));
    const { connectionLimits } = wire.running;
    await eventually(() => connectionLimits.limitsHit["messages-delayed"] > 0, "it waits");
    const client = wire.client(wire.good);
    const identifier = await client.create();
    expect((await client.get(identifier)).material).toHaveLength(32);
    expect(messagesIn(await all)).toHaveLength(8);
  });

  it("that would have to wait too long are ended without a record", async () => {
    wire = await Wire.start({ messagesPerSecondPerInstance: 5, maxDelayMs: 100 });
    const sockets = await Promise.all(many(30, () => wire.open()));
    for (const socket of sockets) {
      socket.resume().write(query);
    }
    await eventually(() => sockets.some(({ destroyed }) => destroyed), "some are ended");
    const { limitsHit } = wire.running.connectionLimits;
    expect(limitsHit["messages-refused"]).toBeGreaterThan(0);
    const { records } = wire.running.audit;
    expect(records.length + limitsHit["messages-refused"]).toBeGreaterThanOrEqual(10);
    expect(records.every(({ outcome }) => outcome === "success")).toBe(true);
  });

  it("whose certificate is removed while they wait get nothing", async () => {
    wire = await Wire.start({ messagesPerSecondPerCertificate: 5, maxDelayMs: 60_000 });
    const socket = await wire.open();
    const all = readAll(socket);
    socket.write(Buffer.concat(many(30, () => query)));
    await eventually(() => wire.running.connectionLimits.limitsHit["messages-delayed"] > 0, "they wait");
    const answered = wire.running.audit.records.length;
    // Nobody tells the server: it has to look again.
    wire.running.tenants.forget(wire.hostile.sha256);
    expect(messagesIn(await all).length).toBe(answered);
    expect(wire.running.audit.records).toHaveLength(answered);
  });
});

describe("TLS", () => {
  it("1.2 is not renegotiated: nobody changes its certificate on an open connection", async () => {
    wire = await Wire.start();
    await wire.besides(async () => {
      for (let attempt = 0; attempt < 10; attempt += 1) {
        const socket = await wire.open(wire.hostile, { maxVersion: "TLSv1.2" });
        socket.write(query);
        await once(socket, "data");
        const failed = once(socket, "error");
        socket.renegotiate({ rejectUnauthorized: false }, () => undefined);
        const [error] = (await failed) as [NodeJS.ErrnoException];
        expect(error.code).toBe("ERR_SSL_NO_RENEGOTIATION");
        socket.destroy();
      }
    });
    await eventually(() => wire.running.server.stats().connections === 0, "no connection is left");
  });
});
