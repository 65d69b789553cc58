import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { fuzz } from "@/scripts/lib/kmip-fuzzer";

it("takes damaged messages for two seconds: nothing but protocol errors, no hang, no growth", async () => {
  // A failure names the seed and the frame.
  const counts = await fuzz({ seed: randomInt(2 ** 31), milliseconds: 2_000, frames: 200_000 });
  expect(counts.frames).toBeGreaterThan(0);
  expect(counts.decoded).toBeGreaterThan(0);
  expect(counts.refused).toBeGreaterThan(0);
  expect(counts.succeeded).toBeGreaterThan(0);
  expect(counts.failed).toBeGreaterThan(0);
});
