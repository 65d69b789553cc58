export { checkDueInstances } from "./check-due-instances";
