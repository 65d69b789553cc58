import { describe, expect, test } from "vitest";
import { LANGUAGES } from "@/test/support/languages";
import english from "./en";
import chinese from "./zh-CN";

type Tree = { readonly [key: string]: string | Tree };

/** Every message by its dotted key. */
function flatten(tree: Tree, prefix = ""): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === "string"
        ? [[`${prefix}${key}`, value] as const]
        : [...flatten(value, `${prefix}${key}.`)],
    ),
  );
}

/** Names of the arguments of an ICU message, whatever their kind; branches of plurals are messages themselves. */
function argumentsOf(message: string): string[] {
  const found = new Set<string>();

  /** Reads text from `at` to the brace that closes it; returns the place after that brace. */
  const readText = (from: number): number => {
    let at = from;

    while (at < message.length && message[at] !== "}") {
      at = message[at] === "{" ? readArgument(at + 1) : at + 1;
    }

    return at + 1;
  };

  const readArgument = (from: number): number => {
    const match = /^\s*(\w+)\s*(?:,\s*(\w+)\s*,)?/.exec(message.slice(from));
    const kind = match?.[2] ?? "value";
    let at = from + (match?.[0].length ?? 0);
    found.add(match?.[1] ?? "");

    // `plural` and `select`: name { text } name { text } … }
    while (kind !== "value" && at < message.length && message[at] !== "}") {
      at = message[at] === "{" ? readText(at + 1) : at + 1;
    }

    return kind === "value" ? message.indexOf("}", at) + 1 : at + 1;
  };

  readText(0);

  for (const [, tag] of message.matchAll(/<(\w+)>/g)) {
    found.add(`<${tag}>`);
  }

  return [...found].sort();
}

const en = flatten(english);
const languages = LANGUAGES.map(({ locale, messages }) => ({ locale, messages: flatten(messages) }));

test("there is something to compare", () => {
  expect(en.size).toBeGreaterThan(300);
  expect(argumentsOf("{a} {n, plural, =0 {no {b}} other {# {c}}} <e></e> {d}")).toEqual([
    "<e>",
    "a",
    "b",
    "c",
    "d",
    "n",
  ]);
});

describe.each(languages)("the language $locale", ({ messages }) => {
  test("has exactly the keys of English", () => {
    expect([...messages.keys()].sort()).toEqual([...en.keys()].sort());
  });

  test("has the arguments of English in every message", () => {
    const differing = [...en].filter(
      ([key, message]) => argumentsOf(message).join() !== argumentsOf(messages.get(key) ?? "").join(),
    );
    expect(differing.map(([key]) => key)).toEqual([]);
  });

  test("has no empty message", () => {
    expect([...messages].filter(([, message]) => message.trim() === "").map(([key]) => key)).toEqual([]);
  });

  test("has no exclamation marks", () => {
    expect([...messages].filter(([, message]) => /[!！]/.test(message)).map(([key]) => key)).toEqual([]);
  });

  test("balances its braces", () => {
    for (const [key, message] of messages) {
      expect((message.match(/<\w+>/g) ?? []).length, key).toBe((message.match(/<\/\w+>/g) ?? []).length);
      const depth = [...message].reduce(
        (level, character) => level + (character === "{" ? 1 : character === "}" ? -1 : 0),
        0,
      );
      expect(depth, key).toBe(0);
    }
  });
});

describe("words", () => {
  test("English has no please and no successfully", () => {
    const loud = [...en]
      .filter(([, message]) => /\bplease\b|\bsuccessful/i.test(message))
      .map(([key]) => key);
    expect(loud).toEqual([]);
  });

  test("Chinese is Chinese: every message with letters has Han characters, names of products aside", () => {
    const names = new Set([
      "common.product",
      "keyManagers.kinds.key-protect.title",
      "keyManagers.kinds.hpcs.title",
      "keyManagers.kinds.pkcs11.title",
      "keyManagers.kinds.key-protect.short",
      "keyManagers.kinds.hpcs.short",
      "keyManagers.kinds.pkcs11.short",
      "instances.keyManager.crn",
      "instances.keyManager.defaultKeyRing",
      "instances.tabs.keks",
      "instances.column.keks",
      "certificates.column.fingerprint",
      "certificates.upload.pastePlaceholder",
      "connect.wayClient",
      "connect.wayPowercli",
      "keks.list",
      "keks.column.crk",
      "audit.zone.utc",
      "audit.exportCsv",
      "audit.exportNdjson",
      "audit.detail.id",
      "learn.chain.rows.deleted.manager",
      "learn.encryption.rows.licence.vsan",
    ]);
    const foreign = [...flatten(chinese)]
      // What is left without its arguments: "{name}: {reason}" has no words of its own.
      .map(([key, message]) => [key, message.replace(/\{\w+\}|<\/?\w+>/g, "")] as const)
      .filter(([key, text]) => /\p{L}/u.test(text) && !/\p{Script=Han}/u.test(text) && !names.has(key))
      .map(([key]) => key);
    expect(foreign).toEqual([]);
  });
});
