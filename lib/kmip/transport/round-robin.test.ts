import { describe, expect, it } from "vitest";
import { RoundRobin } from "./round-robin";

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("round robin", () => {
  it("let go at once what fits into a turn, and the rest in the turns after", async () => {
    const turns = new RoundRobin(2);
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
    const turns = new RoundRobin(4);
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
