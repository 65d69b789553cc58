/** What the storm's processes tell one another over IPC. */

/** To the sandbox's process: begin to throttle, or say what it was asked so far. */
export type ThrottleOrder = { readonly type: "throttle" } | { readonly type: "report" };

export type ThrottleReport = {
  readonly type: "report";
  /** Answers 429. */
  readonly refused: number;
  readonly tokens: number;
  /** Standard keys that were read, and KEKs that were unwrapped, and how often. */
  readonly reads: Record<string, number>;
  readonly unwraps: Record<string, number>;
};

/** To a process of clients. */
export type ClientsOrder = {
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  readonly certificate: string;
  readonly key: string;
  /** Identifier and SHA-256 of the bytes. */
  readonly keks: readonly { readonly identifier: string; readonly digest: string }[];
  readonly connections: number;
  /** They connect within this time: first as many as there are KEKs at endpoints, then the others, evenly spread. */
  readonly withinMs: number;
};

export type ClientsReport = {
  readonly type: "report";
  readonly served: number;
  /** Connections that were open at the end. */
  readonly open: number;
  readonly failures: readonly string[];
};
