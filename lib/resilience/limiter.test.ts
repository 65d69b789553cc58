import { describe, expect, it } from "vitest";
import { createLimiter } from "./limiter";

const never = new AbortController().signal;

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });

  return { opened, open };
}

describe("createLimiter", () => {
  it("runs no more at once than it may, and the rest in order", async () => {
    const limiter = createLimiter(2);
    const gates = Array.from({ length: 5 }, gate);
    const started: number[] = [];
    const tasks = gates.map(({ opened }, index) =>
      limiter.run(async () => {
        started.push(index);
        await opened;

        return index;
      }, never),
    );
    await Promise.resolve();

    expect(started).toEqual([0, 1]);
    expect(limiter.load).toEqual({ running: 2, waiting: 3 });

    gates[1]?.open();
    await tasks[1];
    expect(started).toEqual([0, 1, 2]);

    for (const { open } of gates) {
      open();
    }

    expect(await Promise.all(tasks)).toEqual([0, 1, 2, 3, 4]);
    expect(limiter.load).toEqual({ running: 0, waiting: 0 });
  });

  it("frees the place of a task that fails", async () => {
    const limiter = createLimiter(1);
    const failing = limiter.run(async () => {
      throw new Error("no");
    }, never);

    await expect(failing).rejects.toThrow("no");
    expect(await limiter.run(async () => "yes", never)).toBe("yes");
  });

  it("lets a waiting caller give up without losing a place", async () => {
    const limiter = createLimiter(1);
    const { opened, open } = gate();
    const first = limiter.run(() => opened, never);
    const controller = new AbortController();
    const second = limiter.run(async () => "ran", controller.signal);
    controller.abort(new Error("gave up"));

    await expect(second).rejects.toThrow("gave up");
    expect(limiter.load).toEqual({ running: 1, waiting: 0 });
    open();
    await first;
    expect(await limiter.run(async () => "third", never)).toBe("third");
  });
});
