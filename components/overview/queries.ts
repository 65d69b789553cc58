/** What the overview reads; the same on the server, so that it is found prefetched. */
export const OVERVIEW_INSTANCES = { limit: 100 } as const;
export const OVERVIEW_EVENTS = { limit: 10 } as const;
