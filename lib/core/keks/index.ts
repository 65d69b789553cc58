export { destroyKek } from "./destroy-kek";
export { kekImpact } from "./kek-impact";
export type { KekDetailView } from "./kek-view";
export { listKeks } from "./list-keks";
export { getKek } from "./read-keks";
export { bulkRevoke, restoreService, revokeKek } from "./revoke-kek";
