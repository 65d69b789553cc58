export { checkDueInstances } from "./check-due-instances";
export { validateKeyManager } from "./validate-key-manager";
