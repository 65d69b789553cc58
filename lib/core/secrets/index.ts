export { deriveKey, ensureMasterKey, MasterKeyError, sealSecret, unsealSecret } from "./master-key";
