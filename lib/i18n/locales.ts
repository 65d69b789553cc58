/** Languages of the console. Adding one means adding its folder in messages/ and its name here. */
export const LOCALES = ["en", "zh-CN"] as const;
export type Locale = (typeof LOCALES)[number];

const DEFAULT_LOCALE: Locale = "en";
export const LOCALE_COOKIE = "locale";
export const TIME_ZONE_COOKIE = "timezone";

/** Each language in its own words; not translated, so that people find theirs in any language. */
export const LOCALE_NAMES: Record<Locale, string> = { en: "English", "zh-CN": "简体中文" };

/** True when `value` is one of the console's languages. */
function isLocale(value: string | undefined): value is Locale {
  return LOCALES.some((locale) => locale === value);
}

const primaryOf = (tag: string) => tag.split("-")[0]?.toLowerCase();

/**
 * The language for a tag that a browser sent in lower case: itself, or one of the same primary tag, as a reader of
 * Traditional Chinese has more of Simplified Chinese than of English.
 */
function localeFor(tag: string): Locale | undefined {
  return (
    LOCALES.find((locale) => locale.toLowerCase() === tag) ??
    LOCALES.find((locale) => primaryOf(locale) === primaryOf(tag))
  );
}

/**
 * Picks a language: the person's own choice (cookie) first, then what the browser asks for
 * (RFC 9110 §12.5.4, quality values honoured), then English.
 */
export function negotiateLocale(chosen: string | undefined, acceptLanguage: string | null): Locale {
  if (isLocale(chosen)) {
    return chosen;
  }

  const wanted = (acceptLanguage ?? "")
    .split(",")
    .map((part) => {
      const [tag = "", ...parameters] = part.trim().toLowerCase().split(";");
      const quality = parameters.map((text) => /^\s*q=([\d.]+)\s*$/.exec(text)?.[1]).find(Boolean);

      return { tag: tag.trim(), quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ tag, quality }) => tag !== "" && quality > 0)
    .sort((a, b) => b.quality - a.quality);

  return wanted.map(({ tag }) => localeFor(tag)).find((locale) => locale !== undefined) ?? DEFAULT_LOCALE;
}

/** The IANA time zone if this runtime knows it, otherwise UTC. */
export function knownTimeZone(value: string | undefined): string {
  if (value === undefined || value === "") {
    return "UTC";
  }

  try {
    return new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone;
  } catch {
    // A cookie is anybody's text: an unknown zone is no reason to fail a page.
    return "UTC";
  }
}
