export { reconcileAll } from "./reconcile";
export { rewrapDue } from "./rewrap";
