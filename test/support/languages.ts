import { createTranslator } from "next-intl";
import { LOCALES, type Locale } from "@/lib/i18n/locales";
import { loadMessages } from "@/lib/i18n/messages";

/** Every language of the console, as its readers get it. */
export const LANGUAGES = await Promise.all(
  LOCALES.map(async (locale) => {
    const messages = await loadMessages(locale);

    return { locale, messages, t: createTranslator({ locale, messages }) };
  }),
);

/** A letter of a language's own script, where English has another. */
const SCRIPTS: { readonly [locale in Locale]?: RegExp } = { "zh-CN": /\p{Script=Han}/u };

/** What every text of a language has: a letter of its script, or at least something to read. */
export function legibleIn(locale: Locale): RegExp {
  return SCRIPTS[locale] ?? /\p{L}/u;
}
