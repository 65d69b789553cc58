import type { CheckStatus } from "@/lib/key-managers/checks/run-checks";

/** Checks of an endpoint, in the order in which they are shown. */
export const CONNECTION_CHECKS = [
  "tcp",
  "tls",
  "serverCertificate",
  "strangerRefused",
  "kmip",
  "vcenterVersion",
] as const;

export type ConnectionCheckId = (typeof CONNECTION_CHECKS)[number];

/** One check, in the form of the permission report's; lib/api makes the text. */
export type ConnectionCheck = {
  readonly id: ConnectionCheckId;
  readonly status: CheckStatus;
  /** Stable code of what was found. */
  readonly code: string;
  /** The values that its texts name. */
  readonly params: { [name: string]: string };
  /** The command that shows more. */
  readonly command?: string;
  /** Absent where nothing was waited for. */
  readonly durationMs?: number;
};

/** What a test found at one endpoint. */
export type EndpointReport = {
  readonly zone: number;
  readonly host: string;
  readonly port: number;
  /** True when no check failed. Warnings do not count. */
  readonly ok: boolean;
  readonly checks: readonly ConnectionCheck[];
  /** `TLSv1.3` …; null when TLS did not come to stand. */
  readonly tlsProtocol: string | null;
  readonly cipher: string | null;
  /** Of the certificate that the endpoint showed. */
  readonly serverCertificateSha256: string | null;
  /** As the endpoint offers them, most preferred first. */
  readonly kmipVersions: readonly string[];
  /** How long the whole took. */
  readonly milliseconds: number;
};

/** What a test found at all endpoints of an instance. */
export type ConnectionReport = {
  readonly ok: boolean;
  readonly checkedAt: Date;
  readonly endpoints: readonly EndpointReport[];
};
