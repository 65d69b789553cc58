import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Tenant } from "../ports";
import { Connection } from "./connection";
import { type Guest, type Place, Traffic } from "./connection-limits";
import { Framer } from "./framer";
import { GrowingBuffer } from "./growing-buffer";
import { Door } from "./handshake-queue";
import { FairTurns } from "./round-robin";
import { LEGACY_SUITES, renewTicketKeys, SAFE_SUITES, secureContextOptions, tlsPolicy } from "./tls-policy";
import { Pace } from "./token-bucket";

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("fair turns", () => {
  it("let go at once what fits into a turn, and the rest in the turns after", async () => {
    const turns = new FairTurns(2);
    const begun: number[] = [];
    const submit = (number: number) => {
      if (turns.take()) {
        begun.push(number);
      } else {
        turns.queue("a", () => begun.push(number));
      }
    };
    for (let number = 0; number < 7; number += 1) {
      submit(number);
    }
    expect(begun).toEqual([0, 1]);
    await turn();
    expect(begun).toEqual([0, 1, 2, 3]);
    submit(7);
    await turn();
    await turn();
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // A turn that is used up begins anew when somebody asks for it.
    expect(turns.take()).toBe(false);
    turns.queue("a", () => begun.push(8));
    await turn();
    expect(begun.at(-1)).toBe(8);
    expect(turns.take()).toBe(true);
  });

  it("rotate among those who wait: a flood delays itself", async () => {
    const turns = new FairTurns(4);
    const begun: string[] = [];
    for (let number = 0; number < 5_000; number += 1) {
      turns.queue("flood", () => begun.push("flood"));
    }
    turns.queue("quiet", () => begun.push("quiet"));
    await turn();
    expect(begun).toEqual(["flood", "quiet", "flood", "flood"]);
    turns.queue("late", () => begun.push("late"));
    await turn();
    expect(begun.slice(4)).toContain("late");
    while (begun.length < 5_002) {
      await turn();
    }
    expect(turns.take()).toBe(true);
  });
});

describe("a pace", () => {
  it("lets two seconds' worth come at once, then one after the other", () => {
    const pace = new Pace(10);
    const waits = Array.from({ length: 23 }, () => pace.reserve(1_000));
    expect(waits.slice(0, 20).every((wait) => wait === 0)).toBe(true);
    expect(waits.slice(20).map((wait) => Math.round(wait))).toEqual([100, 200, 300]);
    pace.giveBack();
    expect(Math.round(pace.reserve(1_000))).toBe(300);
    expect(pace.isFree(3_200)).toBe(false);
    expect(pace.isFree(3_301)).toBe(true);
    expect(pace.reserve(60_000)).toBe(0);
  });

  it("of zero is none", () => {
    const pace = new Pace(0);
    expect(Array.from({ length: 100 }, () => pace.reserve(0)).every((wait) => wait === 0)).toBe(true);
    expect(pace.isFree(0)).toBe(true);
  });
});

describe("a growing buffer", () => {
  it("takes little more than what came, in however many pieces", () => {
    const buffer = new GrowingBuffer();
    for (let at = 0; at < 100_000; at += 1) {
      buffer.append(Buffer.from([at & 0xff]));
    }
    expect(buffer.capacity).toBeLessThanOrEqual(200_000);
    const taken = buffer.take();
    expect(taken.length).toBe(100_000);
    expect(taken.every((byte, at) => byte === (at & 0xff))).toBe(true);
    expect(buffer.length).toBe(0);
  });

  it("leaves nothing behind when it grows, or is cleared", () => {
    const buffer = new GrowingBuffer();
    buffer.append(Buffer.alloc(4_000, 1));
    const small = buffer.view();
    buffer.append(Buffer.alloc(4_000, 2));
    expect(small.every((byte) => byte === 0)).toBe(true);
    const large = buffer.view();
    buffer.clear();
    expect(large.every((byte) => byte === 0)).toBe(true);
  });
});

describe("a framer", () => {
  const message = (length: number) => {
    const bytes = Buffer.alloc(8 + length, 0x5a);
    bytes.writeUInt32BE(0x42007801, 0);
    bytes.writeUInt32BE(length, 4);
    return bytes;
  };

  it("cuts the same messages out of any pieces", () => {
    const messages = [message(0), message(8), message(2_000), message(16)];
    const stream = Buffer.concat(messages);
    for (const size of [1, 3, 7, 8, 9, 100, 2_020, stream.length]) {
      const framer = new Framer(4_096);
      const found: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) {
        framer.push(Buffer.from(stream.subarray(at, at + size)));
        for (let next = framer.next(); next !== null; next = framer.next()) {
          if (typeof next === "string") {
            throw new Error(next);
          }
          found.push(Buffer.from(next));
          // Whoever takes a message may overwrite it.
          next.fill(0xff);
        }
      }
      expect(found).toEqual(messages);
      expect(framer.buffered).toBe(0);
    }
  });

  it("refuses a message by its header, with nothing but the header here", () => {
    for (const [header, refusal] of [
      ["42007801000ffff8", null],
      ["42007801000ffff9", "too-large"],
      ["42007801fffffff8", "too-large"],
      ["4200780180000000", "too-large"],
      ["42007b0100000008", "not-kmip"],
      ["474554202f204854", "not-kmip"],
    ] as const) {
      const framer = new Framer(1_048_576);
      for (const byte of Buffer.from(header.slice(0, 14), "hex")) {
        framer.push(Buffer.from([byte]));
        expect(framer.next()).toBeNull();
      }
      framer.push(Buffer.from(header.slice(14), "hex"));
      expect(framer.next()).toBe(refusal);
    }
  });

  it("zeroes what it forgets", () => {
    const framer = new Framer(4_096);
    const first = message(64).subarray(0, 20);
    const second = Buffer.alloc(10, 7);
    framer.push(first);
    framer.push(second);
    framer.clear();
    for (const chunk of [first, second]) {
      expect(chunk.every((byte) => byte === 0)).toBe(true);
    }
    expect(framer.buffered).toBe(0);
  });
});

describe("traffic", () => {
  const tenant = (instanceId: string, certificateSha256 = `of ${instanceId}`): Tenant => ({
    instanceId,
    certificateId: certificateSha256,
    certificateSha256,
    policy: { activateOnCreate: false, serveCompromised: true },
  });
  const guest = (idle = true): Guest & { ended: boolean } => ({
    ended: false,
    isIdle: () => idle,
    end() {
      this.ended = true;
    },
  });
  const placeOf = (given: Place | string): Place => {
    if (typeof given === "string") {
      throw new Error(given);
    }
    return given;
  };

  it("keeps to the bounds of certificates and instances, and forgets who left", () => {
    const traffic = new Traffic({ maxConnectionsPerCertificate: 2, maxConnectionsPerInstance: 3 });
    const places = [1, 2].map(() => placeOf(traffic.admit(tenant("a", "one"), guest())));
    expect(traffic.admit(tenant("a", "one"), guest())).toBe("connections-per-certificate");
    places.push(placeOf(traffic.admit(tenant("a", "two"), guest())));
    expect(traffic.admit(tenant("a", "two"), guest())).toBe("connections-per-instance");
    places.push(placeOf(traffic.admit(tenant("b"), guest())));
    expect(traffic.connections).toBe(4);
    for (const place of [...places, ...places]) {
      place.leave();
    }
    expect(traffic.connections).toBe(0);
    expect(traffic.limitsHit).toMatchObject({
      "connections-per-certificate": 1,
      "connections-per-instance": 1,
    });
    traffic.sweep(performance.now());
    expect(traffic.remembered).toBe(0);
  });

  it("gives a place of the instance that has most to one that has fewer", () => {
    const traffic = new Traffic({ maxConnections: 4 });
    const [busy, idle, third] = [guest(false), guest(), guest()];
    for (const one of [busy, idle, third]) {
      placeOf(traffic.admit(tenant("a"), one));
    }
    placeOf(traffic.admit(tenant("b"), guest()));
    expect(traffic.admit(tenant("a"), guest())).toBe("connections");
    placeOf(traffic.admit(tenant("c"), guest()));
    expect([busy.ended, idle.ended, third.ended]).toEqual([false, true, false]);
  });

  it("lets who has most keep what is in use", () => {
    const traffic = new Traffic({ maxConnections: 3 });
    for (let count = 0; count < 3; count += 1) {
      placeOf(traffic.admit(tenant("a"), guest(false)));
    }
    expect(traffic.admit(tenant("b"), guest())).toBe("connections");
  });

  it("delays who is over its rate, refuses who would wait too long, and nobody else", async () => {
    const traffic = new Traffic({ messagesPerSecondPerCertificate: 5, maxDelayMs: 700 });
    const [fast, other] = ["fast", "other"].map((certificate) => ({
      tenant: tenant("a", certificate),
      place: placeOf(traffic.admit(tenant("a", certificate), guest())),
    })) as [{ tenant: Tenant; place: Place }, { tenant: Tenant; place: Place }];
    const enter = ({ place, tenant: of }: typeof fast) => place.enter(of);
    const waits = Array.from({ length: 14 }, () => enter(fast));
    expect(waits.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => null));
    expect(await waits[13]).toBe(false);
    expect(await Promise.all(waits.slice(10, 13))).toEqual([true, true, true]);
    expect(traffic.limitsHit).toMatchObject({ "messages-refused": 1, "messages-delayed": 3 });
    expect(await (enter(other) ?? true)).toBe(true);
    expect(traffic.limitsHit["messages-delayed"]).toBe(3);
  });

  it("has a flood of one instance wait for the messages of another", async () => {
    const traffic = new Traffic();
    const [flood, quiet] = [tenant("flood"), tenant("quiet")];
    const flooding = placeOf(traffic.admit(flood, guest()));
    const calm = placeOf(traffic.admit(quiet, guest()));
    let begun = 0;
    for (let count = 0; count < 2_000; count += 1) {
      void (flooding.enter(flood) ?? Promise.resolve(true)).then(() => {
        begun += 1;
      });
    }
    await calm.enter(quiet);
    expect(begun).toBeLessThan(200);
  });

  it("ends a connection that holds much of too much, and none that holds little", () => {
    const traffic = new Traffic({ maxHeldBytesPerInstance: 100_000 });
    const [greedy, modest, stranger] = ["a", "a", "b"].map((id) =>
      placeOf(traffic.admit(tenant(id), guest())),
    ) as [Place, Place, Place];
    expect(greedy.hold(90_000)).toBe(true);
    expect(modest.hold(12_000)).toBe(true);
    expect(stranger.hold(50_000)).toBe(true);
    expect(greedy.hold(1)).toBe(false);
    expect(greedy.hold(-1)).toBe(true);
    greedy.leave();
    expect(greedy.hold(-90_000)).toBe(true);
    expect(modest.hold(80_000)).toBe(true);
    expect(traffic.limitsHit["held-bytes"]).toBe(1);
  });

  it("counts memory for the instance that the certificate opens now", () => {
    const traffic = new Traffic({ maxHeldBytesPerInstance: 100_000 });
    const place = placeOf(traffic.admit(tenant("a", "moved"), guest()));
    const neighbour = placeOf(traffic.admit(tenant("b"), guest()));
    place.hold(90_000);
    void place.enter(tenant("b", "moved"));
    expect(neighbour.hold(20_000)).toBe(false);
    neighbour.hold(-20_000);
    place.leave();
    expect(neighbour.hold(90_000)).toBe(true);
  });
});

describe("the door", () => {
  class FakeSocket extends EventEmitter {
    destroyed = false;
    readonly remoteAddress: string | undefined;
    readonly remotePort: number;
    constructor(remoteAddress: string | undefined, remotePort: number) {
      super();
      this.remoteAddress = remoteAddress;
      this.remotePort = remotePort;
    }
    destroy() {
      if (this.destroyed) {
        return;
      }
      this.destroyed = true;
      this.emit("close");
    }
  }
  const asSocket = (fake: FakeSocket): Socket => fake as unknown as Socket;
  const away: string[] = [];
  const make = (maxPending: number) =>
    new Door({
      maxPending,
      timeoutMs: 100,
      onFault: () => away.push("fault"),
      onTurnedAway: (address, why) => away.push(`${address} ${why}`),
    });

  afterEach(() => {
    away.length = 0;
    vi.useRealTimers();
  });

  it("begins handshakes of many addresses in rotation", async () => {
    const door = make(1_000);
    const begun: string[] = [];
    const enter = (address: string, port: number) => {
      const socket = new FakeSocket(address, port);
      door.enter(asSocket(socket), () => begun.push(address));
      return socket;
    };
    for (let port = 0; port < 100; port += 1) {
      enter("198.51.100.1", port);
    }
    const gone = enter("192.0.2.1", 1);
    enter("192.0.2.2", 1);
    expect(begun).toHaveLength(16);
    gone.destroy();
    await turn();
    expect(begun).toHaveLength(31);
    expect(begun.slice(16, 19)).toContain("192.0.2.2");
    expect(begun).not.toContain("192.0.2.1");
  });

  it("takes room from the address that has most of it, oldest first", () => {
    const door = make(4);
    const flood = [1, 2, 3].map((port) => new FakeSocket("198.51.100.1", port));
    for (const socket of flood) {
      door.enter(asSocket(socket), () => undefined);
    }
    const quiet = [1, 2, 3].map((port) => new FakeSocket(`192.0.2.${port}`, port));
    door.enter(asSocket(quiet[0] as FakeSocket), () => undefined);
    const more = new FakeSocket("198.51.100.1", 4);
    door.enter(asSocket(more), () => undefined);
    expect(more.destroyed).toBe(true);
    door.enter(asSocket(quiet[1] as FakeSocket), () => undefined);
    door.enter(asSocket(quiet[2] as FakeSocket), () => undefined);
    expect(flood.map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
    expect(quiet.some(({ destroyed }) => destroyed)).toBe(false);
    expect(away).toEqual(Array.from({ length: 3 }, () => "198.51.100.1 limit"));
    expect(door.pending).toBe(4);
    for (const socket of quiet) {
      door.release(asSocket(socket));
    }
    expect(door.pending).toBe(1);
    door.close();
    expect(door.pending).toBe(0);
  });

  it("survives a handshake that cannot begin, now or in its turn", async () => {
    const door = make(100);
    const begin = () => {
      throw new Error("no handle");
    };
    const sockets = Array.from({ length: 20 }, (_, port) => new FakeSocket("192.0.2.1", port));
    for (const socket of sockets) {
      door.enter(asSocket(socket), begin);
    }
    await turn();
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
    expect(away).toEqual(Array.from({ length: 20 }, () => "fault"));
    expect(door.pending).toBe(0);
  });

  it("cuts off who is neither admitted nor refused in time, and has no time for who is gone", () => {
    const door = make(10);
    const socket = new FakeSocket("192.0.2.1", 1);
    door.enter(asSocket(socket), () => undefined);
    door.sweep(performance.now() + 50);
    expect(socket.destroyed).toBe(false);
    door.sweep(performance.now() + 200);
    expect(socket.destroyed).toBe(true);
    expect(away).toEqual(["192.0.2.1 timeout"]);
    const gone = new FakeSocket(undefined, 0);
    door.enter(asSocket(gone), () => away.push("begun"));
    expect(gone.destroyed).toBe(true);
    expect(away).toHaveLength(1);
    expect(door.pending).toBe(0);
  });
});

describe("a connection", () => {
  it("whose client does not even take the end is ended at last", () => {
    class StuckSocket extends EventEmitter {
      resume() {}
      destroySoon() {}
    }
    const traffic = new Traffic();
    const who: Tenant = {
      instanceId: "a",
      certificateId: "c",
      certificateSha256: "aa",
      policy: { activateOnCreate: false, serveCompromised: true },
    };
    const place = traffic.admit(who, { isIdle: () => true, end: () => undefined });
    if (typeof place === "string") {
      throw new Error(place);
    }
    const connection = new Connection({
      visitor: {
        socket: new StuckSocket() as never,
        certificateSha256: "aa",
        remoteAddress: "192.0.2.1",
        remotePort: 1,
        place,
      },
      engine: {} as never,
      tenants: {} as never,
      logger: {} as never,
      limits: {
        idleTimeoutMs: 1_000,
        requestTimeoutMs: 1_000,
        writeTimeoutMs: 3_000,
        maxMessageBytes: 1_000,
      },
      onRequest: () => undefined,
      onAnswered: () => undefined,
      onClosed: () => undefined,
    });
    connection.start();
    const now = performance.now();
    expect(connection.expired(now + 500)).toBeNull();
    expect(connection.expired(now + 1_500)).toBe("idle");
    connection.drain();
    expect(connection.isIdle()).toBe(false);
    expect(connection.expired(now + 1_500)).toBeNull();
    expect(connection.expired(now + 3_500)).toBe("end");
  });
});

describe("the policy of TLS", () => {
  it("is 1.2 and 1.3 with forward secrecy and authenticated encryption", () => {
    const { minVersion, suites } = tlsPolicy({});
    expect(minVersion).toBe("TLSv1.2");
    expect(suites).toEqual(SAFE_SUITES);
    expect(suites.every((suite) => /^(TLS_|ECDHE-).*(GCM|POLY1305)/.test(suite))).toBe(true);
    const { ciphers } = secureContextOptions({ cert: "", key: "" });
    expect(ciphers).toBe(SAFE_SUITES.join(":"));
  });

  it("takes an operator's suites, and legacy ones only when they are allowed", () => {
    const wish = ["TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"];
    expect(tlsPolicy({ suites: wish }).suites).toEqual(wish);
    expect(() => tlsPolicy({ suites: [...wish, "AES256-SHA"] })).toThrow("legacy");
    expect(tlsPolicy({ suites: [...wish, "AES256-SHA"], legacy: true }).suites).toContain("AES256-SHA");
    expect(tlsPolicy({ legacy: true }).suites).toEqual([...SAFE_SUITES, ...LEGACY_SUITES]);
    expect(() => tlsPolicy({ suites: [...wish, "NULL-SHA"], legacy: true })).toThrow("not known");
  });

  it("says when a version would be left without suites", () => {
    expect(() => tlsPolicy({ suites: ["ECDHE-RSA-AES256-GCM-SHA384"] })).toThrow("TLS 1.3");
    expect(() => tlsPolicy({ suites: ["TLS_AES_256_GCM_SHA384"] })).toThrow("TLS 1.2");
    expect(tlsPolicy({ suites: ["TLS_AES_256_GCM_SHA384"], minVersion: "TLSv1.3" }).suites).toHaveLength(1);
  });

  it("leaves no copy of the keys of tickets", () => {
    const given: Buffer[] = [];
    const copies: string[] = [];
    const server = {
      setTicketKeys: (keys: Buffer) => {
        given.push(keys);
        copies.push(keys.toString("hex"));
        return server;
      },
    };
    renewTicketKeys(server as never);
    renewTicketKeys(server as never);
    expect(copies[0]).not.toBe(copies[1]);
    expect(given.every((keys) => keys.length === 48 && keys.every((byte) => byte === 0))).toBe(true);
  });
});
