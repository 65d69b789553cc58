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

/** A sentence whatever its values, its quotation marks and its case. */
const bare = (text: string) =>
  text
    .replaceAll("’", "'")
    .replace(/\$?\{[^}]*\}/g, "{}")
    .toLowerCase();

describe("what the server answers by code", () => {
  /** Sentences of core for what has no code, and which are the same by chance. */
  const ALLOWED = ["The key was deleted in the key manager."];
  const {
    findings,
    permissions: { checks },
    connect: { test },
    certificates,
    settings: { rootKey },
    errors: { keyManager },
  } = english;

  it("is worded here and nowhere in the server's code", () => {
    const texts = new Set(
      flatten({
        findings,
        checks,
        test: test.checks,
        certificates: certificates.findings,
        refusal: rootKey.refusal,
        keyManager,
      })
        .map(([, text]) => bare(text))
        .filter((text) => text.includes(" ") && !text.startsWith("{") && text.trim() === text),
    );
    const doubled = sources("lib").flatMap((path) =>
      literalsOf(read(path))
        .filter((text) => texts.has(bare(text)) && !ALLOWED.includes(text))
        .map((text) => `${path}: ${text}`),
    );

    expect(texts.size).toBeGreaterThan(250);
    expect(doubled).toEqual([]);
  });
});

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
