export { checkDueInstances } from "./check-due-instances";
export { type CheckedInstance, checkInstance } from "./check-instance";
export { FAILURE_CODES, FINDINGS, type FindingCode } from "./findings";
export {
  judgeHealth,
  type PermissionCheckTrigger,
  type RecordedCheck,
  recordPermissionCheck,
} from "./record-permission-check";
export {
  HPCS_CHECKS,
  KEY_PROTECT_CHECKS,
  KEY_STATE_NUMBERS,
  type PermissionCheckId,
  type PermissionCheckItem,
  type PermissionCheckStatus,
  type PermissionFacts,
  type PermissionOutcome,
  type PermissionReport,
  reasonOf,
} from "./report";
export { type PermissionCheckInput, runPermissionChecks } from "./run-permission-checks";
