import type english from "../../messages/en";
import type { Locale } from "./locales";

export type Messages = typeof english;

/** The messages of a language. English decides the keys; a test holds every other language to them. */
export async function loadMessages(locale: Locale): Promise<Messages> {
  switch (locale) {
    case "en":
      return (await import("../../messages/en")).default;
    case "zh-CN":
      return (await import("../../messages/zh-CN")).default;
  }
}

declare module "next-intl" {
  interface AppConfig {
    Locale: Locale;
    Messages: Messages;
  }
}
