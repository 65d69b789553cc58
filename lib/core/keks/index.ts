export { destroyKek } from "./destroy-kek";
export { type KekImpactView, kekImpact } from "./kek-impact";
export type { KekDetailView, KekView } from "./kek-view";
export { createKmipPorts, type KmipPorts } from "./kmip-ports";
export { listKeks } from "./list-keks";
export { getKek } from "./read-keks";
export { reconcileAll } from "./reconcile";
export { bulkRevoke, restoreService, revokeKek } from "./revoke-kek";
export { systemActor } from "./system-actor";
