import { describe, expect, it } from "vitest";
import type { Tenant } from "../../ports";
import { OutstandingOperations } from "./outstanding";

describe("the memory of what is outstanding", () => {
  const limits = {
    maxOutstanding: 10,
    maxOutstandingOfClient: 10,
    maxOutstandingBytesOfClient: 100,
    maxOutstandingBytes: 100,
    outstandingSeconds: 1,
  };
  const tenant: Tenant = {
    instanceId: "a",
    certificateId: "c",
    certificateSha256: "aa",
    policy: { activateOnCreate: false, serveCompromised: true },
  };
  const random = { bytes: () => Buffer.alloc(16, 7), uuid: () => "" };

  it("drops by itself what nobody asks for again", async () => {
    const operations = new OutstandingOperations({ now: () => new Date() }, limits);
    let dropped = false;
    const stream = {
      held: 5,
      update: (value: Uint8Array) => value,
      final: () => ({ data: Buffer.alloc(0), tag: null }),
      drop: () => {
        dropped = true;
      },
    };
    const operation = {
      operation: 31,
      identifier: null,
      stream,
      parameters: undefined,
      iv: null,
      macData: null,
    };
    operations.begin(tenant, operation, random);
    expect(operations.size).toBe(1);
    await expect.poll(() => dropped, { timeout: 5_000 }).toBe(true);
    expect(operations.size).toBe(0);
  });
});
