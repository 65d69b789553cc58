import { checkTexts, textParams } from "@/lib/i18n/check-texts";
import type { PermissionCheckItem } from "../key-managers/schemas";
import { english } from "./english";

/** A check as lib/core judges and keeps it: what was found, by its code; reports of before kept its texts as well. */
export type JudgedCheck = Omit<PermissionCheckItem, "title" | "detail"> &
  Partial<Pick<PermissionCheckItem, "title" | "detail">>;

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
