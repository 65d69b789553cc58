import { z } from "zod";
import { checkTexts, textParams } from "@/lib/i18n/check-texts";
import { type PermissionCheckItem, permissionCheckItem, permissionReport } from "../key-managers/schemas";
import { english } from "./english";

/** A check as lib/core judges and keeps it: what was found, by its code; reports of before kept its texts as well. */
const judgedCheck = permissionCheckItem.partial({ title: true, detail: true });

/** A permission report as it is kept. */
export const keptReport = permissionReport.extend({ checks: z.array(judgedCheck) });

type JudgedCheck = z.output<typeof judgedCheck>;

/** A check as the API shows it, in English. One that was kept with its texts shows those. */
export function describeCheck<Check extends JudgedCheck>(
  check: Check,
): Check & Pick<PermissionCheckItem, "title" | "detail" | "remedy" | "params"> {
  const { id, title, detail, code, params = {} } = check;
  if (title !== undefined && detail !== undefined) {
    return { ...check, title, detail };
  }

  const texts = checkTexts(english, check);
  const worded = Object.entries(textParams(english, params)).filter(([, text]) => text !== "");
  const shown = { ...params, ...Object.fromEntries(worded) };

  return {
    ...check,
    title: texts.title ?? id,
    detail: texts.detail ?? code ?? "",
    remedy: texts.remedy ?? undefined,
    params: Object.keys(shown).length === 0 ? undefined : shown,
  };
}

/** A permission report as the API shows it, in English. */
export function describeReport<Report extends { readonly checks: readonly JudgedCheck[] }>(
  report: Report,
): Omit<Report, "checks"> & { checks: PermissionCheckItem[] } {
  return { ...report, checks: report.checks.map(describeCheck) };
}
