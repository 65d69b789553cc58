export * from "./account/operations";
export * from "./audit-events/operations";
export * from "./client-certificates/operations";
export * from "./instances/operations";
export * from "./keks/operations";
export * from "./key-managers/operations";
