import { describe, expect, it } from "vitest";
import { judgeHealth } from "./record-permission-check";
import type { PermissionReport } from "./report";

function report(failure: string | null): PermissionReport {
  return {
    ok: failure === null,
    checkedAt: "2026-01-01T00:00:00.000Z",
    serviceId: null,
    checks:
      failure === null ? [] : [{ id: "crkActive", status: "fail", code: failure, params: {}, durationMs: 0 }],
  };
}

describe("judgeHealth", () => {
  it.each([
    ["installed", null, null, "installed", null],
    ["installed", null, "CRK_DISABLED", "attention", "CRK_DISABLED"],
    ["attention", "CRK_DISABLED", null, "installed", null],
    ["attention", "CRK_DISABLED", "CRK_DESTROYED", "attention", "CRK_DESTROYED"],
    // A reason of another part of the house is not the checks' to take away.
    ["attention", "SOMETHING_ELSE", null, "attention", "SOMETHING_ELSE"],
    ["attention", "SOMETHING_ELSE", "CRK_DISABLED", "attention", "SOMETHING_ELSE"],
    // Ordering and removing have their own way.
    ["configuring", null, "CRK_DISABLED", "configuring", null],
    ["removing", null, null, "removing", null],
    ["inactive", null, "CRK_DISABLED", "inactive", null],
  ])("%s (%s) and %s: %s (%s)", (status, statusReason, failure, newStatus, newReason) => {
    expect(judgeHealth({ status, statusReason }, report(failure))).toEqual({
      status: newStatus,
      statusReason: newReason,
    });
  });
});
