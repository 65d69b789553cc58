/**
 * Query keys per resource: the same in the browser (queries.ts) and at prefetch on the server
 * (server-queries.ts). Invalidate a prefix, e.g. `queryKeys.instances.all` or `queryKeys.keks.all(id)`.
 */
type Filters = Readonly<Record<string, unknown>>;

/** Leaves out what is not set, so that `{search: undefined}` and `{}` are one key on both sides. */
function filtersKey(filters: Filters): Filters {
  return Object.fromEntries(
    Object.entries(filters).filter(([, value]) => value !== undefined && value !== null && value !== ""),
  );
}

export const queryKeys = {
  me: () => ["me"] as const,
  instances: {
    all: ["instances"] as const,
    lists: ["instances", "list"] as const,
    list: (query: Filters = {}) => ["instances", "list", filtersKey(query)] as const,
    detail: (id: string) => ["instances", "detail", id] as const,
    rewrap: (id: string) => ["instances", "rewrap", id] as const,
  },
  permissionChecks: {
    all: (id: string) => ["permission-checks", id] as const,
    list: (id: string, query: Filters = {}) => ["permission-checks", id, "list", filtersKey(query)] as const,
  },
  connectionTests: {
    /** The last report of this session; the server keeps none. */
    last: (id: string) => ["connection-tests", id, "last"] as const,
  },
  clientCertificates: {
    all: (id: string) => ["client-certificates", id] as const,
    list: (id: string, query: Filters = {}) =>
      ["client-certificates", id, "list", filtersKey(query)] as const,
    detail: (id: string, certificateId: string) =>
      ["client-certificates", id, "detail", certificateId] as const,
  },
  keks: {
    all: (id: string) => ["keks", id] as const,
    list: (id: string, query: Filters = {}) => ["keks", id, "list", filtersKey(query)] as const,
    detail: (id: string, uniqueIdentifier: string) => ["keks", id, "detail", uniqueIdentifier] as const,
    impact: (id: string, uniqueIdentifier: string) => ["keks", id, "impact", uniqueIdentifier] as const,
  },
  auditEvents: {
    all: ["audit-events"] as const,
    list: (query: Filters = {}) => ["audit-events", "list", filtersKey(query)] as const,
    histogram: (query: Filters = {}) => ["audit-events", "histogram", filtersKey(query)] as const,
  },
  endpoints: {
    all: ["endpoints"] as const,
    list: () => ["endpoints", "list"] as const,
  },
  members: {
    all: ["members"] as const,
    list: (query: Filters = {}) => ["members", "list", filtersKey(query)] as const,
  },
  tokens: {
    all: ["tokens"] as const,
    list: (query: Filters = {}) => ["tokens", "list", filtersKey(query)] as const,
  },
};
