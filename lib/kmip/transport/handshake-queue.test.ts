import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { HandshakeQueue } from "./handshake-queue";

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("the queue of handshakes", () => {
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
  const dropped: string[] = [];
  const make = (maxPending: number) =>
    new HandshakeQueue({
      maxPending,
      timeoutMs: 100,
      onFault: () => dropped.push("fault"),
      onDropped: (address, why) => dropped.push(`${address} ${why}`),
    });

  afterEach(() => {
    dropped.length = 0;
    vi.useRealTimers();
  });

  it("begins handshakes of many addresses in rotation", async () => {
    const queue = make(1_000);
    const begun: string[] = [];
    const add = (address: string, port: number) => {
      const socket = new FakeSocket(address, port);
      queue.add(asSocket(socket), () => begun.push(address));
      return socket;
    };
    for (let port = 0; port < 100; port += 1) {
      add("198.51.100.1", port);
    }
    const gone = add("192.0.2.1", 1);
    add("192.0.2.2", 1);
    expect(begun).toHaveLength(16);
    gone.destroy();
    await turn();
    expect(begun).toHaveLength(31);
    expect(begun.slice(16, 19)).toContain("192.0.2.2");
    expect(begun).not.toContain("192.0.2.1");
  });

  it("takes room from the address that has most of it, oldest first", () => {
    const queue = make(4);
    const flood = [1, 2, 3].map((port) => new FakeSocket("198.51.100.1", port));
    for (const socket of flood) {
      queue.add(asSocket(socket), () => undefined);
    }
    const quiet = [1, 2, 3].map((port) => new FakeSocket(`192.0.2.${port}`, port));
    queue.add(asSocket(quiet[0] as FakeSocket), () => undefined);
    const more = new FakeSocket("198.51.100.1", 4);
    queue.add(asSocket(more), () => undefined);
    expect(more.destroyed).toBe(true);
    queue.add(asSocket(quiet[1] as FakeSocket), () => undefined);
    queue.add(asSocket(quiet[2] as FakeSocket), () => undefined);
    expect(flood.map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
    expect(quiet.some(({ destroyed }) => destroyed)).toBe(false);
    expect(dropped).toEqual(Array.from({ length: 3 }, () => "198.51.100.1 limit"));
    expect(queue.pending).toBe(4);
    for (const socket of quiet) {
      queue.release(asSocket(socket));
    }
    expect(queue.pending).toBe(1);
    queue.close();
    expect(queue.pending).toBe(0);
  });

  it("survives a handshake that cannot begin, now or in its turn", async () => {
    const queue = make(100);
    const begin = () => {
      throw new Error("no handle");
    };
    const sockets = Array.from({ length: 20 }, (_, port) => new FakeSocket("192.0.2.1", port));
    for (const socket of sockets) {
      queue.add(asSocket(socket), begin);
    }
    await turn();
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
    expect(dropped).toEqual(Array.from({ length: 20 }, () => "fault"));
    expect(queue.pending).toBe(0);
  });

  it("cuts off who is neither admitted nor refused in time, and has no time for who is gone", () => {
    const queue = make(10);
    const socket = new FakeSocket("192.0.2.1", 1);
    queue.add(asSocket(socket), () => undefined);
    queue.sweep(performance.now() + 50);
    expect(socket.destroyed).toBe(false);
    queue.sweep(performance.now() + 200);
    expect(socket.destroyed).toBe(true);
    expect(dropped).toEqual(["192.0.2.1 timeout"]);
    const gone = new FakeSocket(undefined, 0);
    queue.add(asSocket(gone), () => dropped.push("begun"));
    expect(gone.destroyed).toBe(true);
    expect(dropped).toHaveLength(1);
    expect(queue.pending).toBe(0);
  });
});
