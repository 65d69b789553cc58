import { describe, expect, it } from "vitest";
import { requests, writeRequest } from "../client/client";
import {
  MemoryAuditWriter,
  MemoryKeyStore,
  MemoryLogger,
  MemoryTenantDirectory,
} from "../testing/memory-ports";
import { createKmipEngine } from "./engine";
import { OperationCounts } from "./operation-counts";

describe("counts of operations", () => {
  it("are of items and their results, by a bounded set of names", async () => {
    const counts = new OperationCounts();
    const audit = new MemoryAuditWriter();
    const engine = createKmipEngine({
      store: new MemoryKeyStore(),
      audit,
      logger: new MemoryLogger(),
      onAnswered: (operation, succeeded) => counts.note(operation, succeeded),
    });
    const tenant = new MemoryTenantDirectory().pin("instance-a", "aa".repeat(32));
    const origin = { tenant, remoteAddress: "192.0.2.7", remotePort: 40_000 };
    const send = async (message: Uint8Array) => (await engine.handle(message, origin)).release();

    await send(writeRequest("1.4", [requests.create(), requests.get(), requests.get("none")]));
    await send(Buffer.from("noise"));
    (await engine.refuse("too large", origin)).release();
    for (const operation of [0x7ffffffe, 0x7fffffff]) {
      await send(writeRequest("1.4", [{ operation, payload: [] }]));
    }
    // What could not be recorded was not done, as far as the client knows.
    audit.broken = true;
    await send(writeRequest("1.4", [requests.create()]));

    expect(counts.byName()).toEqual({
      Create: { success: 1, failure: 1 },
      Get: { success: 1, failure: 1 },
      unreadable: { success: 0, failure: 2 },
      unsupported: { success: 0, failure: 2 },
    });
  });
});
