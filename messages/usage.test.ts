import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import english from "./en";

const root = fileURLToPath(new URL("..", import.meta.url));

type Tree = { readonly [key: string]: string | Tree };

function flatten(tree: Tree, prefix = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === "string" ? [[`${prefix}${key}`, value]] : flatten(value, `${prefix}${key}.`),
  );
}

function sources(folder: string): string[] {
  return readdirSync(`${root}${folder}`).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (statSync(`${root}${path}`).isDirectory()) {
      return name === "generated" ? [] : sources(path);
    }

    return /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) ? [path] : [];
  });
}

const read = (path: string) => readFileSync(`${root}${path}`, "utf8");
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Every string of a source, also those inside of templates; templates with their holes. */
function literalsOf(source: string): string[] {
  return [/"((?:[^"\\\n]|\\.)*)"/g, /`((?:[^`\\]|\\.)*)`/g].flatMap((form) =>
    [...source.matchAll(form)].map(([, text = ""]) => text),
  );
}

/**
 * The keys that a source can name, as patterns: each of its strings under each namespace that it uses. Names more than
 * are used, never fewer: what no source can name is not used.
 */
function namedBy(source: string): RegExp[] {
  const namespaces = [
    ...source.matchAll(/(?:useTranslations|getTranslations)(?:<|\()\s*(?:"([^"]*)")?\s*(?:>|\))/g),
  ].map(([, namespace]) => (namespace ? `${namespace}.` : ""));
  if (/\b(Translate|createTranslator|english)\b/.test(source)) {
    namespaces.push("");
  }
  if (namespaces.length === 0) {
    return [];
  }

  const names = literalsOf(source)
    .filter((text) => text !== "")
    .map((text) =>
      text
        .split(/\$\{[^}]*\}/)
        .map(escaped)
        .join("[^.]+"),
    );
  // `t(status)`: any key of the namespace.
  const byVariable = /\bt[A-Z]?\w*(?:\.(?:rich|has|raw))?\(\s*[a-z][\w.]*\s*[,)]/.test(source);

  return [...new Set(namespaces)].map(
    (namespace) =>
      new RegExp(
        `^${escaped(namespace)}(?:${[...names, ...(byVariable && namespace ? ["[^.]+"] : [])].join("|")})$`,
      ),
  );
}

describe("messages", () => {
  it("are used, each of them", () => {
    const patterns = ["app", "components", "lib"].flatMap(sources).flatMap((path) => namedBy(read(path)));
    const unused = flatten(english)
      .map(([key]) => key)
      .filter((key) => !patterns.some((pattern) => pattern.test(key)));

    expect(patterns.length).toBeGreaterThan(100);
    expect(unused).toEqual([]);
  });

  it("would be told if they were not", () => {
    const [pattern] = namedBy(`const t = useTranslations("keks"); t("title"); t(\`state.\${state}\`);`);

    expect(["keks.title", "keks.state.active"].every((key) => pattern?.test(key))).toBe(true);
    expect(["keks.titles", "keks.state", "instances.title"].some((key) => pattern?.test(key))).toBe(false);
  });
});
