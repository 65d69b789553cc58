import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import type { Tenant } from "../ports";
import { AdmittedClient } from "./admitted-client";
import { Connection } from "./connection";
import { ConnectionLimits } from "./connection-limits";

describe("a connection", () => {
  it("whose client does not even take the end is ended at last", () => {
    class StuckSocket extends EventEmitter {
      resume() {}
      destroySoon() {}
    }
    const limits = new ConnectionLimits();
    const who: Tenant = {
      instanceId: "a",
      certificateId: "c",
      certificateSha256: "aa",
      policy: { activateOnCreate: false, serveCompromised: true },
    };
    const slot = limits.admit(who, {
      isIdle: () => true,
      end: () => undefined,
      destroy: () => undefined,
    });
    if (typeof slot === "string") {
      throw new Error(slot);
    }
    const connection = new Connection({
      client: new AdmittedClient({
        socket: new StuckSocket() as never,
        certificateSha256: "aa",
        remoteAddress: "192.0.2.1",
        remotePort: 1,
        slot,
        tenants: {} as never,
      }),
      engine: {} as never,
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
