export { activateInstance, createInstance } from "./create-instance";
export { continueRemovals, deleteInstance } from "./delete-instance";
export { purgeDeletedInstances, restoreInstance } from "./deleted-instances";
export { type InstanceImpact, instanceImpact } from "./instance-impact";
export type { InstanceView } from "./instance-row";
export { listPermissionChecks, type PermissionCheckRow, runPermissionCheck } from "./permission-checks";
export { getInstance, listInstances } from "./read-instances";
export { rewrapStatus, rotateRootKey } from "./root-key";
export { updateInstance } from "./update-instance";
