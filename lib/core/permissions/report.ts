import type { KeyManagerKeyState } from "@/lib/key-managers/key-manager";

/** Checks of the report, in the order in which they are shown. */
export const KEY_PROTECT_CHECKS = [
  "apiKey",
  "serviceId",
  "instanceReachable",
  "platformViewer",
  "serviceManager",
  "standardKeysAllowed",
  "crkFound",
  "crkIsRootKey",
  "crkActive",
  "wrapUnwrap",
] as const;

export const HPCS_CHECKS = [
  "apiKey",
  "serviceId",
  "instanceReachable",
  "authorizationFound",
  "platformViewer",
  "vmwareKmipManager",
  "standardKeysAllowed",
  "crkFound",
  "crkIsRootKey",
  "crkInDefaultKeyRing",
  "crkActive",
  "wrapUnwrap",
] as const;

/** The same where the HPCS instance authorized the KMIP instance, and no API key of a person's is involved. */
export const HPCS_AUTHORIZED_CHECKS = HPCS_CHECKS.filter((id) => id !== "serviceId");

export const PKCS11_CHECKS = [
  "module",
  "token",
  "pin",
  "crkFound",
  "crkIsRootKey",
  "crkActive",
  "wrapUnwrap",
  "storage",
] as const;

export type PermissionCheckId =
  | (typeof KEY_PROTECT_CHECKS)[number]
  | (typeof HPCS_CHECKS)[number]
  | (typeof PKCS11_CHECKS)[number];

export type PermissionCheckStatus = "pass" | "fail" | "warn" | "skipped";

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
export type PermissionFacts = {
  iamId: string | null;
  serviceId: string | null;
  serviceIdName: string | null;
  keyManager: {
    crn: string;
    guid: string;
    name: string;
    region: string;
    /** Base URL without `/api/v2`. */
    endpoint: string;
  } | null;
  crk: {
    id: string;
    name: string;
    state: KeyManagerKeyState;
    currentVersion: string | null;
    keyRing: string;
  } | null;
};

/** What checks know at their beginning. */
export const noFacts = (): PermissionFacts => ({
  iamId: null,
  serviceId: null,
  serviceIdName: null,
  keyManager: null,
  crk: null,
});

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
