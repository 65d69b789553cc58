import { describe, expect, test } from "vitest";
import { knownTimeZone, LOCALES, negotiateLocale } from "./locales";

describe("negotiateLocale", () => {
  test("the person's choice wins over the browser", () => {
    expect(negotiateLocale("en", "zh-CN")).toBe("en");
    expect(negotiateLocale("zh-CN", "en-GB")).toBe("zh-CN");
  });

  test("a choice that is no language of ours is ignored", () => {
    expect(negotiateLocale("xx", "zh-Hans-CN, en;q=0.5")).toBe("zh-CN");
  });

  test("quality values order what the browser asks for", () => {
    expect(negotiateLocale(undefined, "zh;q=0.4, en-US;q=0.9")).toBe("en");
    expect(negotiateLocale(undefined, "qaa, zh-TW;q=0.8, en;q=0.7")).toBe("zh-CN");
    expect(negotiateLocale(undefined, "en;q=0, zh;q=0.1")).toBe("zh-CN");
  });

  test.each(LOCALES)("%s is given to who asks for it, in whatever region", (locale) => {
    const primaryOf = (tag: string) => tag.split("-")[0];

    for (const asked of [locale, locale.toUpperCase()]) {
      expect(negotiateLocale(undefined, `xx, ${asked};q=0.5`)).toBe(locale);
    }
    expect(primaryOf(negotiateLocale(undefined, `xx, ${primaryOf(locale)}-XX`))).toBe(primaryOf(locale));
  });

  test("falls to English", () => {
    // Tags for private use (BCP 47), which no language of the console will have.
    expect(negotiateLocale(undefined, null)).toBe("en");
    expect(negotiateLocale(undefined, "qaa, qab;q=0.9, *;q=0.1")).toBe("en");
    expect(negotiateLocale(undefined, ";;,,q=")).toBe("en");
  });
});

describe("knownTimeZone", () => {
  test("keeps a zone of the IANA list and refuses anything else", () => {
    expect(knownTimeZone("Europe/Berlin")).toBe("Europe/Berlin");
    expect(knownTimeZone("../../etc")).toBe("UTC");
    expect(knownTimeZone(undefined)).toBe("UTC");
  });
});
