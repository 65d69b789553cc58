"use client";

import { useTranslations } from "next-intl";
import { ApiError } from "@/lib/api/contract/call";
import type { Messages } from "@/lib/i18n/messages";

type Code = keyof Messages["auth"]["password"]["errors"];

/** What the server has against a password, in the reader's language; undefined for an error that is about something else. */
export function usePasswordError(): (error: unknown, field: string) => string | undefined {
  const t = useTranslations("auth.password.errors");

  return (error, field) => {
    const params = error instanceof ApiError ? (error.problem.invalidParams ?? []) : [];
    const code = params.find(({ name }) => name === field)?.code as Code | undefined;

    return code !== undefined && t.has(code) ? t(code) : undefined;
  };
}
