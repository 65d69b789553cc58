import { NextIntlClientProvider } from "next-intl";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import english from "@/messages/en";
import type { Provider } from "./providers";
import { type ProviderWord, useProviderWords } from "./words";

const provider = (kind: string, type: Provider["credential"]["type"]): Provider => ({
  kind,
  title: "Vault of a maker",
  credential: { type, fields: [], toDiscover: true },
  authorization: false,
  dedicatedEndpoint: false,
  oneInstanceEach: false,
  choices: { keyRing: false, endpoint: false, region: false },
  deprecation: null,
  unavailable: null,
});

function Said({ of, word }: Readonly<{ of: Provider; word: ProviderWord }>) {
  return useProviderWords()(of, word) ?? "nothing";
}

function say(of: Provider, word: ProviderWord): string {
  const children = createElement(Said, { of, word });
  const props = { locale: "en" as const, messages: english, timeZone: "UTC", children };

  return renderToStaticMarkup(createElement(NextIntlClientProvider, props));
}

test("a kind speaks its own words, and those of its sort of credential where it has none", () => {
  const { kinds, credentials } = english.keyManagers;
  expect(say(provider("pkcs11", "pin"), "why2")).toBe(kinds.pkcs11.why2);
  expect(say(provider("pkcs11", "pin"), "secret")).toBe(credentials.pin.secret);
  expect(say(provider("key-protect", "apiKey"), "instance")).toBe("Key Protect instance");
});

test("a kind without words goes by its maker's name, and everything else is said of any", () => {
  const { credentials, any } = english.keyManagers;
  const wordless = provider("vault", "apiKey");
  expect(say(wordless, "instance")).toBe("Vault of a maker instance");
  expect(say(wordless, "notReady")).toBe(credentials.apiKey.notReady);
  expect(say(wordless, "none")).toBe(any.none);
  expect(say(wordless, "choice")).toBe("nothing");
});
