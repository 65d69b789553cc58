"use client";

import { LOCALE_COOKIE, type Locale } from "@/lib/i18n/locales";
import { THEME_COOKIE, type Theme } from "./theme";

const YEAR = 365 * 24 * 3600;

/** Writes a preference where the server reads it at the next page: an ordinary cookie, no secret, one year. */
export function setPreference(name: string, value: string): void {
  const secure = window.location.protocol === "https:" ? "; Secure" : "";
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every supported browser
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
}

/** Changes the appearance at once and for the next pages. */
export function setTheme(theme: Theme): void {
  setPreference(THEME_COOKIE, theme);
  document.documentElement.dataset.theme = theme;
}

/** Keeps the language; the caller refreshes the page. */
export function setLocale(locale: Locale): void {
  setPreference(LOCALE_COOKIE, locale);
}
