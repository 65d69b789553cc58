export { destroyKek } from "./destroy-kek";
export { createHouseEvents, type HouseEvents } from "./house-events";
export { type KekImpactView, kekImpact } from "./kek-impact";
export {
  KEK_STATES,
  type KekState,
  REVOCATION_REASONS,
  type RevocationReason,
} from "./kek-states";
export type { KekDetailView, KekView } from "./kek-view";
export { createKeyStore, type DatabaseKeyStore, type KeyStoreOptions } from "./key-store";
export { createKmipPorts, type KmipPorts, type KmipPortsOptions } from "./kmip-ports";
export { type KekFilters, listKeks } from "./list-keks";
export { getKek } from "./read-keks";
export { type ReconcileReport, reconcileAll, reconcileInstance } from "./reconcile";
export {
  type BulkRevokeResult,
  bulkRevoke,
  type RevokeOptions,
  restoreService,
  revokeKek,
} from "./revoke-kek";
export { systemActor } from "./system-actor";
export { createTenantDirectory, type DatabaseTenantDirectory } from "./tenant-directory";
