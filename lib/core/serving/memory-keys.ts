/** Key of a KEK in the memories of a process. */
export const keyOf = (instanceId: string, uniqueIdentifier: string) => `${instanceId}/${uniqueIdentifier}`;

/** The instance in such a key: its id is a UUID, which has no slash. */
export const instanceOfKey = (key: string) => key.slice(0, key.indexOf("/"));
