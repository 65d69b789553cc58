import { beforeEach, describe, expect, it } from "vitest";
import { looksDuring } from "@/test/support/looks";
import { CoherentCache } from "./coherent-cache";

let trusted: boolean;
let cache: CoherentCache<string>;
let loads: number;

beforeEach(() => {
  trusted = true;
  loads = 0;
  cache = new CoherentCache({ max: 2, trusted: () => trusted, groupOf });
});

const groupOf = (key: string) => key.slice(0, Math.max(0, key.indexOf("/")));

function later() {
  let resolve: (value: string | null) => void = () => {};
  const promise = new Promise<string | null>((done) => {
    resolve = done;
  });

  return { promise, resolve };
}

const load = (value: string | null) => async () => {
  loads += 1;

  return value;
};

describe("a coherent cache", () => {
  it("loads once for all who ask, and then not again", async () => {
    const answers = await Promise.all([cache.get("k", load("v")), cache.get("k", load("v"))]);

    expect(answers).toEqual(["v", "v"]);
    expect(await cache.get("k", load("other"))).toBe("v");
    expect(loads).toBe(1);
  });

  it("remembers no absence and no failure", async () => {
    expect(await cache.get("k", load(null))).toBeNull();
    await expect(cache.get("k", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
    expect(await cache.get("k", load("v"))).toBe("v");
  });

  it.each([
    ["its key is", () => cache.invalidate("a/k")],
    ["its group is", () => cache.invalidateGroup("a")],
    ["everything is", () => cache.clear()],
  ])("does not remember what was loaded while %s invalidated", async (_name, invalidate) => {
    const slow = later();
    const first = cache.get("a/k", () => slow.promise);

    invalidate();

    // Who asks from now on does not get what was read before either.
    expect(await cache.get("a/k", load("new"))).toBe("new");
    slow.resolve("old");
    expect(await first).toBe("old");
    expect(await cache.get("a/k", load("unused"))).toBe("new");
  });

  it("answers nothing from memory, and remembers nothing, while it is not trusted", async () => {
    await cache.get("k", load("v"));
    trusted = false;
    expect(await cache.get("k", load("fresh"))).toBe("fresh");
    expect(cache.peek("k")).toBeUndefined();

    const slow = later();

    trusted = true;
    cache.clear();

    const pending = cache.get("k", () => slow.promise);

    trusted = false;
    slow.resolve("doubtful");
    await pending;
    trusted = true;
    expect(cache.peek("k")).toBeUndefined();
  });

  it("lets go of what was used least recently", async () => {
    await cache.get("a", load("1"));
    await cache.get("b", load("2"));
    cache.peek("a");
    await cache.get("c", load("3"));

    expect([cache.peek("a"), cache.peek("b"), cache.peek("c")]).toEqual(["1", undefined, "3"]);
    expect(cache.size).toBe(2);
  });

  it("looks at no more than the keys of a group to forget it", async () => {
    const large = new CoherentCache<string>({ max: 10_000, trusted: () => true, groupOf });

    for (let index = 0; index < 5_000; index += 1) {
      await large.get(`${index % 2 === 0 ? "large" : "other"}/${index}`, load("v"));
    }

    await large.get("small/1", load("v"));
    await large.get("small/2", load("v"));
    large.invalidate("small/2");

    expect(looksDuring(() => large.invalidateGroup("small"))).toBeLessThan(10);
    expect(large.peek("small/1")).toBeUndefined();
    expect(large.size).toBe(5_000);

    // What was pushed out, or is gone already, is in no group any more.
    expect(looksDuring(() => large.invalidateGroup("small"))).toBeLessThan(3);
    large.invalidateGroup("large");
    expect(large.size).toBe(2_500);
  });
});
