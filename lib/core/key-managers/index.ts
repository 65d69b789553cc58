export { discoverKeyManagers } from "./discover-key-managers";
export { listInstanceRootKeys, listKeyRings, listRootKeys } from "./list-root-keys";
export { makeTokenRootKey } from "./make-root-key";
export { toAppError } from "./to-app-error";
