import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { CONSOLE_ACTIONS } from "@/lib/core/audit/actions";

const root = fileURLToPath(new URL("../..", import.meta.url));

function textOf(path: string): string {
  return readdirSync(join(root, path))
    .map((name) => `${path}/${name}`)
    .filter((file) => file !== "lib/core/audit/actions.ts" && !/\.test\.tsx?$|\/generated$/.test(file))
    .map((file) =>
      statSync(join(root, file)).isDirectory() ? textOf(file) : readFileSync(join(root, file), "utf8"),
    )
    .join("\n");
}

it("every action of the console is written by something", () => {
  const sources = ["lib", "bin", "app"].map(textOf).join("\n");

  expect(Object.keys(CONSOLE_ACTIONS).filter((action) => !sources.includes(`"${action}"`))).toEqual([]);
});
