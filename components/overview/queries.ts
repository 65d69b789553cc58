/** What the overview reads; the same on the server, so that it is found prefetched. */
export const OVERVIEW_INSTANCES = { limit: 100 } as const;
/** Certificates that have expired, or do within the time at which vSAN's health turns yellow. */
export const OVERVIEW_CERTIFICATES = { endsWithinDays: 30, limit: 100 } as const;
export const OVERVIEW_EVENTS = { limit: 10 } as const;
