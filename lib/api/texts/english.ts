import { createTranslator } from "next-intl";
import type { Translate } from "@/lib/i18n/translate";
import { createLogger } from "@/lib/log";
import messages from "@/messages/en";

/** The language of the API's details; the console words the same codes in the reader's. */
export const english: Translate = createTranslator({
  locale: "en",
  messages,
  // A detail with a hole is better than no answer.
  onError: (err) => createLogger("api").error({ err }, "a detail could not be worded"),
});
