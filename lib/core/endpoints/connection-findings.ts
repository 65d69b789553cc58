import type { Findings, Params } from "@/lib/key-managers/checks/run-checks";
import { word } from "@/lib/shell-word";

const address = (p: Params) => `${p.host}:${p.port}`;
/** IPv6 addresses stand in brackets there. */
const target = (p: Params) =>
  word(address({ ...p, host: p.host?.replace(/.*:.*/, "[$&]") ?? "" }), "HOST:PORT");
const showTls = (p: Params) => `openssl s_client -connect ${target(p)} -showcerts </dev/null`;
const showTcp = (p: Params) => `nc -vz ${word(p.host, "HOST")} ${p.port}`;

/**
 * Everything that a check of a connection can find. The codes are stable; what is said of them stands in the messages,
 * `findings.detail` and `findings.remedy`.
 */
export const CONNECTION_FINDINGS = {
  WAITS_FOR: { status: "skipped" },

  // ---- tcp
  ENDPOINT_REACHED: { status: "pass" },
  PUBLIC_HOST_UNREACHED: { status: "warn", command: showTcp },
  ENDPOINT_DOWN: { status: "fail", command: showTcp },
  ENDPOINT_UNREACHED: { status: "fail", command: showTcp },

  // ---- tls
  TLS_AGREED: { status: "pass" },
  TLS_FAILED: { status: "fail", command: showTls },

  // ---- serverCertificate
  SERVER_CERTIFICATE_KNOWN: { status: "pass" },
  SERVER_CERTIFICATE_OTHER: { status: "fail", command: showTls },
  SERVER_CERTIFICATE_EXPIRED: { status: "fail" },
  SERVER_CERTIFICATE_NOT_YET: { status: "fail" },
  SERVER_CERTIFICATE_ENDS_SOON: { status: "warn" },
  SERVER_CERTIFICATE_OTHER_HOST: { status: "warn" },

  // ---- strangerRefused
  STRANGER_REFUSED: { status: "pass" },
  STRANGER_ANSWERED: { status: "fail" },
  STRANGER_UNDECIDED: { status: "warn" },

  // ---- kmip
  KMIP_ANSWERED: { status: "pass" },
  KMIP_NOT_ADMITTED: { status: "fail" },
  KMIP_REFUSED: { status: "fail" },
  KMIP_SILENT: { status: "fail" },
  KMIP_UNREADABLE: { status: "fail" },

  // ---- vcenterVersion
  VCENTER_VERSION_OFFERED: { status: "pass" },
  VCENTER_VERSION_MISSING: { status: "fail" },
} as const satisfies Findings;

export type ConnectionFindingCode = keyof typeof CONNECTION_FINDINGS;
