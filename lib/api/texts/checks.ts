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
  const { id, code = "", params = {} } = check;
  const texts = checkTexts(english, check);
  const told = Object.entries(textParams(english, params)).filter(([, text]) => text !== "");
  const shownParams = { ...params, ...Object.fromEntries(told) };
  const kept = check.detail !== undefined;
  const remedy = kept ? check.remedy : (texts.remedy ?? undefined);

  return {
    ...check,
    title: check.title ?? texts.title ?? id,
    detail: check.detail ?? texts.detail ?? code,
    ...(remedy === undefined ? {} : { remedy }),
    ...(Object.keys(shownParams).length === 0 ? {} : { params: shownParams }),
  };
}

/** A permission report as the API shows it, in English. */
export function describeReport<Report extends { readonly checks: readonly JudgedCheck[] }>(
  report: Report,
): Omit<Report, "checks"> & { checks: PermissionCheckItem[] } {
  return { ...report, checks: report.checks.map(describeCheck) };
}
