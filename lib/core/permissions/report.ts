import type { CheckFacts, CheckStatus } from "@/lib/key-managers/checks/run-checks";
import type { KeyManagerKeyState } from "@/lib/key-managers/key-manager";

/** A check's name; its provider's. */
export type PermissionCheckId = string;

export type PermissionCheckStatus = CheckStatus;

export type PermissionCheckItem = {
  id: PermissionCheckId;
  title: string;
  status: PermissionCheckStatus;
  /** What was found, in plain words. */
  detail: string;
  /** Stable code of what was found; the console words it in other languages, with `params`. */
  code: string;
  params?: Record<string, string>;
  /** What to do about it. */
  remedy?: string;
  /** The command that does it. */
  command?: string;
  durationMs: number;
};

export type PermissionReport = {
  /** True when no check failed. Warnings do not count. */
  ok: boolean;
  /** RFC 3339 UTC. */
  checkedAt: string;
  serviceId: string | null;
  checks: PermissionCheckItem[];
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

/** The code of the first failing check, or null when none failed: an instance's `statusReason`. */
export function reasonOf(report: PermissionReport): string | null {
  return report.checks.find((check) => check.status === "fail")?.code ?? null;
}
