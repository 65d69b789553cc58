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

/**
 * Picks a language: the person's own choice (cookie) first, then what the browser asks for
 * (RFC 9110 §12.5.4, quality values honoured), then English. Traditional Chinese readers get Simplified
 * Chinese rather than English.
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

  for (const { tag } of wanted) {
    const primary = tag.split("-")[0];

    if (primary === "zh") {
      return "zh-CN";
    }

    if (primary === "en") {
      return "en";
    }
  }

  return DEFAULT_LOCALE;
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
