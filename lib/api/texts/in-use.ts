import type { InUseCode } from "@/lib/core/errors";
import { fill } from "@/lib/i18n/translate";
import { english } from "./english";

/** Why an instance is in use, with a sentence of it. */
export function describeInUse<Reason extends { readonly code: InUseCode; readonly count: number }>(
  reason: Reason,
): Reason & { readonly detail: string } {
  return {
    ...reason,
    detail: fill(english, `settings.remove.reason.${reason.code}`, { count: reason.count }),
  };
}
