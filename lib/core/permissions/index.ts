export { checkDueInstances, type DueChecksOptions } from "./check-due-instances";
export { checkInstance } from "./check-instance";
export { type PermissionCheckTrigger, recordPermissionCheck } from "./record-permission-check";
export type { PermissionReport } from "./report";
export { runPermissionChecks } from "./run-permission-checks";
