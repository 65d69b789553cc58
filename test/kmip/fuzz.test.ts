import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { OPERATION_REGISTRY } from "@/lib/kmip/operations";
import { OPERATIONS } from "@/lib/kmip/protocol/enumerations";
import { fuzz } from "@/scripts/lib/kmip-fuzzer";

it("takes damaged messages for two seconds: nothing but protocol errors, no hang, no growth", async () => {
  // A failure names the seed and the frame.
  const counts = await fuzz({ seed: randomInt(2 ** 31), milliseconds: 2_000, frames: 200_000 });
  expect(counts.frames).toBeGreaterThan(0);
  expect(counts.decoded).toBeGreaterThan(0);
  expect(counts.refused).toBeGreaterThan(0);
  expect(counts.succeeded).toBeGreaterThan(0);
  expect(counts.failed).toBeGreaterThan(0);
  expect(counts.converted).toBeGreaterThan(counts.notRead);
});

it("drives every operation of the engine, and all of them to success", async () => {
  const { operations } = await fuzz({ seed: 1, frames: 30_000 });
  const names = [...OPERATION_REGISTRY.keys()].map((code) => OPERATIONS.nameOf(code) ?? String(code));
  for (const name of names) {
    const { success, failure } = operations[name] ?? { success: 0, failure: 0 };
    expect(success + failure, name).toBeGreaterThan(50);
  }
  const never = names.filter((name) => operations[name]?.success === 0);
  expect(never).toEqual([]);
}, 120_000);
