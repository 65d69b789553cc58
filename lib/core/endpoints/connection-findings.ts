import { word } from "@/lib/shell-word";
import { FINDINGS, type Finding, type FindingParams } from "../permissions/findings";
import type { ConnectionCheckId } from "./connection-report";

export const CONNECTION_TITLES: { readonly [id in ConnectionCheckId]: string } = {
  tcp: "Endpoint can be reached",
  tls: "TLS handshake",
  serverCertificate: "Server certificate is the one shown here",
  strangerRefused: "A certificate that nobody pinned is refused",
  kmip: "KMIP is answered",
  vcenterVersion: "vCenter’s KMIP version is offered",
};

/** Why a connection came to nothing. */
export const CONNECTION_CAUSES = {
  CONNECTION_REFUSED: "The connection was refused.",
  CONNECTION_TIMEOUT: "There was no answer within five seconds.",
  CONNECTION_CLOSED: "The connection was closed.",
  NAME_UNKNOWN: "The name cannot be resolved.",
  NO_ROUTE: "There is no route to it.",
} as const;

const address = (p: FindingParams) => `${p.host}:${p.port}`;
/** IPv6 addresses stand in brackets there. */
const target = (p: FindingParams) =>
  word(address({ ...p, host: p.host?.replace(/.*:.*/, "[$&]") ?? "" }), "HOST:PORT");
const showTls = (p: FindingParams) => `openssl s_client -connect ${target(p)} -showcerts </dev/null`;
const showTcp = (p: FindingParams) => `nc -vz ${word(p.host, "HOST")} ${p.port}`;

/** Everything that a check of a connection can find. The codes are stable; the console translates them. */
export const CONNECTION_FINDINGS = {
  WAITS_FOR: { status: "skipped", ...FINDINGS.WAITS_FOR },

  // ---- tcp
  ENDPOINT_REACHED: { status: "pass", detail: (p) => `${address(p)} accepts connections.` },
  PUBLIC_HOST_UNREACHED: {
    status: "warn",
    detail: (p) =>
      `From this machine ${address(p)} cannot be reached, so the endpoint was tested at ${p.insideAddress}. ${p.why}`,
    remedy: (p) =>
      `Clients use ${p.host}. Check from vCenter’s network that the name resolves and the port is open; KMIP_PUBLIC_HOST sets the name.`,
    command: showTcp,
  },
  ENDPOINT_DOWN: {
    status: "fail",
    detail: (p) =>
      `${address(p)} cannot be reached, and zone ${p.zone} has given no sign of life lately. ${p.why}`,
    remedy: () =>
      "Start the endpoint, or look in its log for why it stopped. Clients that know the other endpoints use those meanwhile.",
    command: showTcp,
  },
  ENDPOINT_UNREACHED: {
    status: "fail",
    detail: (p) => `Zone ${p.zone} gives signs of life, but ${address(p)} cannot be reached. ${p.why}`,
    remedy: () =>
      "Check KMIP_PUBLIC_HOST, and routes, firewalls and port forwarding between this machine and the endpoint. If the endpoint has just stopped, start it.",
    command: showTcp,
  },

  // ---- tls
  TLS_AGREED: { status: "pass", detail: (p) => `${p.tlsProtocol} with ${p.cipher}.` },
  TLS_FAILED: {
    status: "fail",
    detail: (p) => `${address(p)} accepts connections, but the TLS handshake failed. ${p.why}`,
    remedy: () =>
      "The endpoint speaks TLS 1.2 and 1.3. Check that nothing else listens on this port and that no proxy or firewall stands in between.",
    command: showTls,
  },

  // ---- serverCertificate
  SERVER_CERTIFICATE_KNOWN: {
    status: "pass",
    detail: (p) => `It has the fingerprint shown here, names ${p.host} and is valid until ${p.notAfter}.`,
  },
  SERVER_CERTIFICATE_OTHER: {
    status: "fail",
    detail: (p) => `The endpoint shows another certificate. Its SHA-256 is ${p.sha256}.`,
    remedy: () =>
      "If the certificate was renewed a moment ago, test again in a minute. Otherwise something else answers there or takes TLS apart on the way: do not let vCenter trust it.",
    command: showTls,
  },
  SERVER_CERTIFICATE_EXPIRED: {
    status: "fail",
    detail: (p) => `It has the fingerprint shown here, but ended on ${p.notAfter}.`,
    remedy: () =>
      "The worker makes a new one every night from 30 days before the end: look in its log for why it did not. Then make vCenter trust the new one.",
  },
  SERVER_CERTIFICATE_NOT_YET: {
    status: "fail",
    detail: (p) => `It has the fingerprint shown here, but is valid only from ${p.notBefore}.`,
    remedy: () => "Set the clocks of this machine and of the endpoint.",
  },
  SERVER_CERTIFICATE_ENDS_SOON: {
    status: "warn",
    detail: (p) => `It has the fingerprint shown here, but ends on ${p.notAfter}.`,
    remedy: () =>
      "The worker makes a new one every night from 30 days before the end: look in its log for why it did not. Then make vCenter trust the new one.",
  },
  SERVER_CERTIFICATE_OTHER_HOST: {
    status: "warn",
    detail: (p) =>
      `It has the fingerprint shown here, but does not name ${p.host}. Clients that compare names refuse it.`,
    remedy: () =>
      "Set KMIP_PUBLIC_HOST to the name that clients use and start again: a certificate that has it is made then, and vCenter must trust that one.",
  },

  // ---- strangerRefused
  STRANGER_REFUSED: {
    status: "pass",
    detail: () => "A client with a certificate that no instance pinned got no answer.",
  },
  STRANGER_ANSWERED: {
    status: "fail",
    detail: () => "A client with a certificate that no instance pinned was answered.",
    remedy: () =>
      "Take the endpoint off the network, and find out what answers there: endpoints answer pinned certificates only.",
  },
  STRANGER_UNDECIDED: {
    status: "warn",
    detail: (p) =>
      `A client with a certificate that no instance pinned got no answer, but was not turned away either. ${p.why}`,
    remedy: () => "The endpoint may wait for its database: look in its log, then test again.",
  },

  // ---- kmip
  KMIP_ANSWERED: {
    status: "pass",
    detail: (p) => `Discover Versions was answered for this instance: KMIP ${p.versions}.`,
  },
  KMIP_NOT_ADMITTED: {
    status: "fail",
    detail: () => "The endpoint closed the connection of a client that this instance lets in.",
    remedy: () =>
      "The endpoint uses another database than this console, or does not reach it: look in its log. It may turn the instance’s own clients away too.",
  },
  KMIP_REFUSED: {
    status: "fail",
    detail: (p) => `The endpoint answered Discover Versions with a failure: ${p.cause}`,
    remedy: () => "Look in the endpoint’s log, then test again.",
  },
  KMIP_SILENT: {
    status: "fail",
    detail: () => "The endpoint did not answer Discover Versions within five seconds.",
    remedy: () =>
      "Look in its log. It may wait for its database: no answer leaves before its audit record is written.",
  },
  KMIP_UNREADABLE: {
    status: "fail",
    detail: (p) => `The answer to Discover Versions could not be read: ${p.cause}`,
    remedy: () => "Check that the endpoint runs the same version as this console.",
  },

  // ---- vcenterVersion
  VCENTER_VERSION_OFFERED: {
    status: "pass",
    detail: () => "KMIP 1.1, which vCenter speaks, is among the versions.",
  },
  VCENTER_VERSION_MISSING: {
    status: "fail",
    detail: (p) => `KMIP 1.1, which vCenter speaks, is not among the versions ${p.versions}.`,
    remedy: () => "Check that the endpoint runs the same version as this console.",
  },
} as const satisfies { readonly [code: string]: Finding };

export type ConnectionFindingCode = keyof typeof CONNECTION_FINDINGS;
