"use client";

import { useTranslations } from "next-intl";
import type { PermissionCheckItem } from "@/lib/api/key-managers/schemas";
import { checkTexts } from "@/lib/i18n/check-texts";

/**
 * Words one check, of permissions or of a connection, in the reader's language by its stable code and the values the
 * server sent along. A code of a newer server falls back to the server's own words.
 */
export function useCheckTexts(): (check: PermissionCheckItem) => {
  title: string;
  detail: string;
  remedy: string | null;
} {
  const t = useTranslations();

  return (check) => {
    const { title, detail, remedy } = checkTexts(t, check);

    return {
      title: title ?? check.title,
      detail: detail ?? check.detail,
      remedy: remedy ?? check.remedy ?? null,
    };
  };
}
