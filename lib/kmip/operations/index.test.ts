import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { OPERATIONS } from "../protocol/enumerations";
import { INTEROP_REGISTRY } from ".";

/** "RNGRetrieve" as "rng-retrieve.ts". */
const fileOf = (name: string): string =>
  `${name.replace(/([a-z])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, "$1$3-$2").toLowerCase()}.ts`;

describe("the operations", () => {
  it("stand in files of their names, and none is missing in the registry", () => {
    const folder = import.meta.dirname;
    const defined = readdirSync(folder)
      .filter((file) => /^[a-z-]+\.ts$/.test(file))
      .filter((file) => readFileSync(`${folder}/${file}`, "utf8").includes(": OperationDefinition = {"));
    const registered = [...INTEROP_REGISTRY.keys()].map((code) =>
      fileOf(OPERATIONS.nameOf(code) ?? String(code)),
    );
    expect(defined.length).toBeGreaterThan(30);
    expect(registered.sort()).toEqual(defined.sort());
  });
});
