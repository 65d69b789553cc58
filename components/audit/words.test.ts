import { NextIntlClientProvider } from "next-intl";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import { KMIP_ACTIONS, KMIP_DEFAULT_ACTION } from "@/lib/audit/kmip-actions";
import { CONSOLE_ACTIONS } from "@/lib/core/audit/actions";
import { LANGUAGES } from "@/test/support/languages";
import { shortAction, useActionWords } from "./words";

const ACTIONS = [
  ...[...KMIP_ACTIONS.values(), KMIP_DEFAULT_ACTION].map(({ action }) => action),
  ...Object.keys(CONSOLE_ACTIONS),
];

/** The actions that go by their names, as those of a newer server do. */
function Wordless() {
  const words = useActionWords();

  return ACTIONS.filter((action) => words(action) === shortAction(action)).join(", ");
}

it.each(LANGUAGES)("every action of an event has words in $locale", ({ locale, messages }) => {
  const props = { locale, messages, timeZone: "UTC", children: createElement(Wordless) };

  expect(ACTIONS.length).toBeGreaterThan(50);
  expect(renderToStaticMarkup(createElement(NextIntlClientProvider, props))).toBe("");
});
