import { cookies, headers } from "next/headers";
import { getRequestConfig } from "next-intl/server";
import { knownTimeZone, LOCALE_COOKIE, negotiateLocale, TIME_ZONE_COOKIE } from "./locales";
import { loadMessages } from "./messages";

/** What next-intl needs for a request: language, its messages, the reader's time zone, one `now` for the page. */
export default getRequestConfig(async () => {
  const [cookieStore, headerStore] = await Promise.all([cookies(), headers()]);
  const locale = negotiateLocale(cookieStore.get(LOCALE_COOKIE)?.value, headerStore.get("accept-language"));

  return {
    locale,
    messages: await loadMessages(locale),
    timeZone: knownTimeZone(cookieStore.get(TIME_ZONE_COOKIE)?.value),
    now: new Date(),
  };
});
