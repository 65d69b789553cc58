import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./support/imports";

const DOCUMENTS = [
  ...readdirSync(root),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`),
  "sandbox/README.md",
].filter((name) => name.endsWith(".md"));
const FOLDERS = /^(app|bench|bin|components|docs|e2e|lib|messages|prisma|public|sandbox|scripts|test)\//;

/** Paths of the repository that a document names in code spans; placeholders (`NAME`, `…`, `*`) are none. */
function namedPaths(text: string): string[] {
  return [...text.matchAll(/`([^`\s]+)`/g)]
    .map((match) => match[1] ?? "")
    .filter((path) => FOLDERS.test(path) && !/NAME|…|[*{]/.test(path));
}

/** Where the links of a document lead within the repository. */
function linkedFiles(text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#]+)/g)].map((match) => match[1] ?? "");
}

describe("the documents", () => {
  it.each(DOCUMENTS)("%s names files that are there", (document) => {
    const text = readFileSync(join(root, document), "utf8");
    const folder = dirname(join(root, document));

    expect(namedPaths(text).filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(linkedFiles(text).filter((path) => !existsSync(join(folder, path)))).toEqual([]);
  });

  it("are all looked at", () => {
    expect(DOCUMENTS.length).toBeGreaterThan(25);
    expect(namedPaths("see `lib/env.ts`, `lib/NAME.ts` and `a b`")).toEqual(["lib/env.ts"]);
    expect(linkedFiles("[a](docs/x.md#y) [b](https://example.com)")).toEqual(["docs/x.md"]);
  });
});
