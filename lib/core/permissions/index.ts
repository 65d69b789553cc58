export { checkDueInstances } from "./check-due-instances";
export { recordDueCheck } from "./record-due-check";
