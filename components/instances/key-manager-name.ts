import { useTranslations } from "next-intl";
import { useCallback } from "react";
import type messages from "@/messages/en/common.json";

type Known = keyof typeof messages.keyManager & keyof typeof messages.keyManagerShort;

/** The name of a kind of key manager, long or short; where there are no words for it, the kind itself. */
export function useKeyManagerName(form: "keyManager" | "keyManagerShort"): (kind: string) => string {
  const t = useTranslations("common");

  return useCallback(
    (kind) => {
      const key = `${form}.${kind as Known}` as const;

      return t.has(key) ? t(key) : kind;
    },
    [t, form],
  );
}
