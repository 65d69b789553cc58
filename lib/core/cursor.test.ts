import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decodeCursor, encodeCursor, toPage } from "./cursor";
import { AppError } from "./errors";

const schema = z.tuple([z.string(), z.number().int().nullable()]);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) {
      return error.code;
    }
    throw error;
  }

  return "none";
}

describe("cursors", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.option(fc.integer()), (text, number) => {
        expect(decodeCursor(encodeCursor([text, number]), schema)).toEqual([text, number]);
      }),
    );
  });

  it("are refused when altered anywhere", () => {
    const cursor = encodeCursor(["2026-01-01T00:00:00.000Z", 7]);

    fc.assert(
      fc.property(fc.nat(cursor.length - 1), fc.constantFrom("=", " ", "+", "/", "%", "é"), (at, other) => {
        const altered = cursor.slice(0, at) + other + cursor.slice(at + 1);

        expect(codeOf(() => decodeCursor(altered, schema))).toBe("INVALID_CURSOR");
      }),
    );
  });

  it("are refused as any text that was never given out", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(codeOf(() => decodeCursor(text, schema))).toBe("INVALID_CURSOR");
      }),
    );
  });

  it("are refused with other values, white space, padding or another list's shape", () => {
    const spaced = Buffer.from('["a", 1]').toString("base64url");

    for (const text of [
      spaced,
      `${encodeCursor(["a", 1])}==`,
      encodeCursor(["a"]),
      encodeCursor(["a", 1, 2]),
      encodeCursor([1, "a"]),
      Buffer.from('{"0":"a"}').toString("base64url"),
      encodeCursor(["a".repeat(5000), 1]),
    ]) {
      expect(codeOf(() => decodeCursor(text, schema))).toBe("INVALID_CURSOR");
    }
  });
});

describe("a page", () => {
  it("has a next cursor only when there is another row", () => {
    const rows = [1, 2, 3];
    const page = (limit: number) =>
      toPage(
        rows,
        limit,
        (row) => [row],
        (row) => row * 10,
      );

    expect(page(3)).toEqual({ items: [10, 20, 30], nextCursor: null });
    expect(page(2)).toEqual({ items: [10, 20], nextCursor: encodeCursor([2]) });
  });
});
