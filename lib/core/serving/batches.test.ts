import { describe, expect, it } from "vitest";
import { Batches } from "./batches";

/** What PostgreSQL says of a statement that it did not carry out. */
const refusal = Object.assign(new Error("duplicate key"), { severity: "ERROR", code: "23505" });

function recorded(run: (items: readonly number[]) => readonly number[] | Error = (items) => items) {
  const statements: [string, readonly number[]][] = [];
  const batches = new Batches<number, number>(3, async (key, items) => {
    statements.push([key, items]);
    await new Promise((resolve) => setTimeout(resolve, 5));

    const outcome = run(items);

    if (outcome instanceof Error) {
      throw outcome;
    }

    return outcome.map((item) => item * 10);
  });

  return { batches, statements };
}

describe("batches", () => {
  it("join what is asked for at the same time or while a statement runs, and answer each its own", async () => {
    const { batches, statements } = recorded();
    const first = [1, 2].map((item) => batches.add("a", item));

    await new Promise((resolve) => setTimeout(resolve, 2));

    const later = [3, 4, 5, 6].map((item) => batches.add("a", item));

    expect(await Promise.all([...first, ...later])).toEqual([10, 20, 30, 40, 50, 60]);
    expect(statements).toEqual([
      ["a", [1, 2]],
      ["a", [3, 4, 5]],
      ["a", [6]],
    ]);
  });

  it("wait a moment for more after several, and not at all after one", async () => {
    const { batches, statements } = recorded();

    await batches.add("a", 1);
    await batches.add("a", 2);
    await Promise.all([batches.add("a", 3), batches.add("a", 4)]);

    const next = batches.add("a", 5);

    // More than a turn of the event loop later, and still in time.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await Promise.all([next, batches.add("a", 6)]);

    expect(statements.map(([, items]) => items)).toEqual([[1], [2], [3, 4], [5, 6]]);
  });

  it("keep keys apart", async () => {
    const { batches, statements } = recorded();

    expect(await Promise.all([batches.add("a", 1), batches.add("b", 2), batches.add("a", 3)])).toEqual([
      10, 20, 30,
    ]);
    expect(statements).toEqual([
      ["a", [1, 3]],
      ["b", [2]],
    ]);
  });

  it("start again after they have come to rest", async () => {
    const { batches } = recorded();

    expect(await batches.add("a", 1)).toBe(10);
    expect(await batches.add("a", 2)).toBe(20);
  });

  it("let nobody fail for another's sake when PostgreSQL refuses", async () => {
    const { batches, statements } = recorded((items) => (items.includes(2) ? refusal : items));
    const results = await Promise.allSettled([1, 2, 3].map((item) => batches.add("a", item)));

    expect(results).toEqual([
      { status: "fulfilled", value: 10 },
      { status: "rejected", reason: refusal },
      { status: "fulfilled", value: 30 },
    ]);
    expect(statements.map(([, items]) => items)).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  it("repeat nothing whose end is not known", async () => {
    const lost = new Error("Connection terminated unexpectedly");
    const { batches, statements } = recorded(() => lost);
    const results = await Promise.allSettled([1, 2].map((item) => batches.add("a", item)));

    expect(results).toEqual([
      { status: "rejected", reason: lost },
      { status: "rejected", reason: lost },
    ]);
    expect(statements).toHaveLength(1);
    await expect(batches.add("a", 3)).rejects.toBe(lost);
  });
});
