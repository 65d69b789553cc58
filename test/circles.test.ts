import { describe, expect, it } from "vitest";
import { circlesIn, importGraph, sources } from "./support/imports";

const FOLDERS = ["app", "bench", "bin", "components", "e2e", "lib", "messages", "sandbox", "scripts", "test"];

function graphOf(imports: { readonly [file: string]: readonly string[] }) {
  return new Map(Object.entries(imports).map(([file, imported]) => [file, new Set(imported)]));
}

describe("circles of imports", () => {
  it.each([
    ["two files", { a: ["b"], b: ["a"] }, [["a", "b"]]],
    ["a long way round", { a: ["b"], b: ["c"], c: ["d"], d: ["b"] }, [["b", "c", "d"]]],
    ["a file that imports itself", { a: ["a"] }, [["a"]]],
    [
      "two circles",
      { a: ["b"], b: ["a", "c"], c: ["d"], d: ["c"] },
      [
        ["c", "d"],
        ["a", "b"],
      ],
    ],
    ["two ways to one file", { a: ["b", "c"], b: ["d"], c: ["d"], d: [] }, []],
  ] as const)("are found: %s", (_name, imports, expected) => {
    expect(circlesIn(graphOf(imports))).toEqual(expected);
  });

  it("are nowhere in the repository, types included", () => {
    const files = FOLDERS.flatMap(sources);

    expect(files.length).toBeGreaterThan(500);
    expect(circlesIn(importGraph(files))).toEqual([]);
  });
});
