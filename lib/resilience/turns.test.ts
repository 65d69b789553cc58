import { describe, expect, it } from "vitest";
import { NoTurn, Turns } from "./turns";

describe("turns", () => {
  it("are a few for each key, and handed over in order", async () => {
    const turns = new Turns(2, 60_000);
    const [first, second] = [await turns.take("a"), await turns.take("a")];
    const order: string[] = [];
    const third = turns.take("a").then((end) => {
      order.push("third");

      return end;
    });
    const fourth = turns.take("a").then((end) => {
      order.push("fourth");

      return end;
    });

    // Another key's turns are its own.
    (await turns.take("b"))();
    expect(order).toEqual([]);
    first();
    await third;
    expect(order).toEqual(["third"]);
    second();
    (await fourth)();
    (await third)();
    (await turns.take("a"))();
  });

  it("are not waited for longer than agreed, nor after the caller has gone", async () => {
    const turns = new Turns(1, 20);
    const end = await turns.take("a");
    const gone = new AbortController();
    const left = turns.take("a", gone.signal);

    gone.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    await expect(turns.take("a", gone.signal)).rejects.toThrow("gone");
    await expect(turns.take("a")).rejects.toBeInstanceOf(NoTurn);
    end();
    (await turns.take("a"))();
  });
});
