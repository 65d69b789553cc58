import { RUNNER_FINDINGS } from "@/lib/key-managers/checks/run-checks";
import { PROVIDERS } from "@/lib/key-managers/registry";

/** Codes that can become an instance's status reason; only a reason out of these is cleared when checks pass again. */
export const FAILURE_CODES: ReadonlySet<string> = new Set(
  [RUNNER_FINDINGS, ...PROVIDERS.map(({ findings }) => findings)]
    .flatMap((findings) => Object.entries(findings))
    .filter(([, finding]) => finding.status === "fail")
    .map(([code]) => code),
);
