export { activateInstance, type CreateInstanceInput, createInstance } from "./create-instance";
export {
  continueRemovals,
  type DeleteInstanceInput,
  deleteInstance,
  type InUseReason,
} from "./delete-instance";
export type { InstanceView } from "./instance-row";
export { listPermissionChecks, type PermissionCheckRow, runPermissionCheck } from "./permission-checks";
export { getInstance, listInstances } from "./read-instances";
export { type RewrapStatus, rewrapStatus, rotateRootKey } from "./root-key";
export { type UpdateInstanceInput, updateInstance } from "./update-instance";
