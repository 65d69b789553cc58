export { checkDueInstances } from "./check-due-instances";
export { recordDueCheck } from "./record-due-check";
export { validateKeyManager } from "./validate-key-manager";
