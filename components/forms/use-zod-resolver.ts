"use client";

import { zodResolver } from "@hookform/resolvers/zod";
import { useTranslations } from "next-intl";
import type { FieldValues, Resolver } from "react-hook-form";
import type { z } from "zod";

/**
 * The API's own schema as a form's resolver, with messages in the reader's language. The schemas word a few
 * rules themselves (a region's letters …): those are recognised by what failed.
 */
export function useZodResolver<Input extends FieldValues, Output extends FieldValues>(
  schema: z.ZodType<Output, Input>,
): Resolver<Input, unknown, Output> {
  const words = useIssueWords();

  return zodResolver(schema, { error: words }) as Resolver<Input, unknown, Output>;
}

/** Words one zod issue. */
export function useIssueWords(): (issue: z.core.$ZodRawIssue) => string {
  const t = useTranslations("errors.zod");

  return (issue) => {
    switch (issue.code) {
      case "too_small":
        if (issue.origin !== "string") {
          return t("tooSmall", { min: String(issue.minimum) });
        }

        return Number(issue.minimum) <= 1 ? t("required") : t("tooShort", { min: Number(issue.minimum) });
      case "too_big":
        return issue.origin === "string"
          ? t("tooLong", { max: Number(issue.maximum) })
          : t("tooBig", { max: String(issue.maximum) });
      case "invalid_type":
        if (issue.input === undefined || issue.input === "" || issue.input === null) {
          return t("required");
        }

        return issue.expected === "number" || issue.expected === "int" ? t("number") : t("invalid");
      case "invalid_format":
        return issue.format === "email" ? t("email") : t("invalid");
      default:
        return t("invalid");
    }
  };
}
