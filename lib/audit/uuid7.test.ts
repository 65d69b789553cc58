import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createUuid7, uuid7Floor } from "./uuid7";

describe("UUIDs of version 7", () => {
  it("grow whatever the clock does, and carry version and variant", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_005 }), { maxLength: 50 }),
        (times) => {
          const next = createUuid7();
          const ids = times.map((time) => next(new Date(time)));

          expect([...ids].sort()).toEqual(ids);
          expect(new Set(ids).size).toBe(ids.length);

          for (const id of ids) {
            expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
          }
        },
      ),
    );
  });

  it("stay in order when one millisecond needs more than the counter holds", () => {
    const next = createUuid7();
    const now = new Date(1_700_000_000_000);
    const ids = Array.from({ length: 10_000 }, () => next(now));

    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("are never below the floor of their time, nor at or above the next millisecond's", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 44 }), (time) => {
        const id = createUuid7()(new Date(time));

        expect(id >= uuid7Floor(new Date(time))).toBe(true);
        expect(id < uuid7Floor(new Date(time + 1))).toBe(true);
      }),
    );
  });
});
