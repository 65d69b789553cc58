export { destroyKek } from "./destroy-kek";
export { type KekImpactView, kekImpact } from "./kek-impact";
export type { KekDetailView, KekView } from "./kek-view";
export { listKeks } from "./list-keks";
export { getKek } from "./read-keks";
export { bulkRevoke, restoreService, revokeKek } from "./revoke-kek";
