import { describe, expect, it } from "vitest";
import { looksDuring } from "@/test/support/looks";
import { MaterialCache } from "./material-cache";

const SOURCE = { keyManagerKeyId: "sk", crkId: "crk" };
const entry = (fetchedAt: number) => ({ ...SOURCE, wrapped: Buffer.from("wrapped"), fetchedAt });

/** The cache's own buffer, to see it zeroed. */
function ownBuffer(cache: MaterialCache, key: string): Buffer {
  const { plaintext } = cache.describe(key) as unknown as { plaintext: Buffer };

  return plaintext;
}

const groupOf = (key: string) => key.slice(0, Math.max(0, key.indexOf("/")));

describe("the cache of material", () => {
  it("looks at no more than an instance's keys to drop or doubt them", () => {
    const cache = new MaterialCache(10_000, groupOf);

    for (let index = 0; index < 2_000; index += 1) {
      cache.keep(`other/${index}`, entry(0), null);
    }

    cache.keep("small/1", entry(1_000), Buffer.alloc(32, 7));

    expect(looksDuring(() => cache.doubtGroup("small"))).toBeLessThan(5);
    expect(cache.copy("small/1", SOURCE, 1_000, 1_000)).toBeNull();
    expect(looksDuring(() => cache.dropGroup("small"))).toBeLessThan(5);
    expect(cache.describe("small/1")).toBeNull();
    expect(cache.describe("other/1")).not.toBeNull();
  });

  it("answers copies within the age allowed, and only for the same standard key and CRK", () => {
    const cache = new MaterialCache(10, groupOf);
    const given = Buffer.from("0123456789abcdef");

    cache.keep("k", entry(1_000), given);
    given.fill(0);

    expect(Buffer.from(cache.copy("k", SOURCE, 1_999, 1_000) ?? []).toString()).toBe("0123456789abcdef");
    expect(cache.copy("k", SOURCE, 2_000, 1_000)).toBeNull();
    expect(cache.copy("k", SOURCE, 1_000, 0)).toBeNull();
    // A clock that was set back makes nothing younger.
    expect(cache.copy("k", SOURCE, -1_000, 1_000)).toBeNull();
    expect(cache.copy("k", { ...SOURCE, keyManagerKeyId: "new" }, 1_000, 1_000)).toBeNull();
    expect(cache.copy("k", { ...SOURCE, crkId: "new" }, 1_000, 1_000)).toBeNull();
  });

  it.each([
    ["dropped", (cache: MaterialCache) => cache.drop("a/k")],
    ["dropped with its instance", (cache: MaterialCache) => cache.dropGroup("a")],
    ["too old", (cache: MaterialCache) => cache.sweep(5_000, () => 1_000)],
    ["replaced", (cache: MaterialCache) => cache.keep("a/k", entry(0), null)],
    ["pushed out", (cache: MaterialCache) => cache.keep("b/k", entry(0), null)],
    ["closed", (cache: MaterialCache) => cache.clear()],
  ])("zeroes what is %s", (_name, end) => {
    const cache = new MaterialCache(1, groupOf);

    cache.keep("a/k", entry(1_000), Buffer.alloc(32, 7));

    const own = ownBuffer(cache, "a/k");

    expect(own.every((byte) => byte === 7)).toBe(true);
    end(cache);
    expect(own.every((byte) => byte === 0)).toBe(true);
    expect(cache.plaintexts).toBe(0);
  });
});
