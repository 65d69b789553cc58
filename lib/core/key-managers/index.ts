export { type DiscoveredKeyManager, type Discovery, discoverKeyManagers } from "./discover-key-managers";
export { createIbmCloud, type IbmCloud, ibmCloud } from "./ibm-cloud";
export { type KeyManagerTarget, listKeyRings, listRootKeys, type RootKeyItem } from "./list-root-keys";
export {
  apiKeyPurpose,
  type InstanceKeyManager,
  invalidateInstanceKeyManager,
  keyManagerKindOf,
  type OpenedKeyManager,
  openInstanceKeyManager,
  openKeyManager,
  unsealInstanceApiKey,
} from "./open-key-manager";
export { toAppError } from "./to-app-error";
export { validateKeyManager } from "./validate-key-manager";
