export * from "./account";
export * from "./audit-events";
export * from "./client-certificates";
export * from "./instances";
export * from "./keks";
export * from "./key-managers";
