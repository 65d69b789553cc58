import type { CheckFacts, CheckResult } from "@/lib/key-managers/checks/run-checks";
import type { KeyManagerKeyState } from "@/lib/key-managers/key-manager";
import { hostOf } from "../key-managers/host-of";

/** One check. What is said of its code stands in the messages (`findings`); lib/api and the console make the text. */
type PermissionCheckItem = CheckResult;

export type PermissionReport = {
  /** True when no check failed. Warnings do not count. */
  ok: boolean;
  /** RFC 3339 UTC. */
  checkedAt: string;
  serviceId: string | null;
  checks: readonly PermissionCheckItem[];
};

/** What the checks learned, for callers that keep it. Null where a check did not get that far. */
export type PermissionFacts = CheckFacts;

export type PermissionOutcome = { report: PermissionReport; facts: PermissionFacts };

/** Key Protect's number of a key state, as the database keeps it. */
export const KEY_STATE_NUMBERS: { readonly [state in KeyManagerKeyState]: number } = {
  preActive: 0,
  active: 1,
  suspended: 2,
  deactivated: 3,
  destroyed: 5,
};

/** What the audit keeps of checks of what somebody chose. */
export function recordOf({ report, facts }: PermissionOutcome) {
  return { ok: report.ok, reason: reasonOf(report), endpoint: hostOf(facts.keyManager?.endpoint) };
}

/** The code of the first failing check, or null when none failed: an instance's `statusReason`. */
export function reasonOf(report: PermissionReport): string | null {
  return report.checks.find((check) => check.status === "fail")?.code ?? null;
}
