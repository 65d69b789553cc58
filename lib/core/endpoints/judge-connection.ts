import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Finding, Params } from "@/lib/key-managers/checks/run-checks";
import { KmipConnectionError, KmipOperationError } from "@/lib/kmip/client/client";
import { CONNECTION_FINDINGS, type ConnectionFindingCode } from "./connection-findings";
import type { ConnectionCheck, ConnectionCheckId } from "./connection-report";
import type { Address, Reach } from "./reach-endpoint";

/** What was seen of one endpoint. */
export type Observation = {
  readonly zone: number;
  /** Where clients connect. */
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the certificate that the console shows. */
  readonly serverSha256: string;
  /** Another address of the same endpoint that was tested in its place, and how far a client came at the first. */
  readonly inside: { readonly address: Address; readonly outside: Reach } | null;
  /** How far the probe came. */
  readonly probe: Reach;
  /** How far a client with a certificate that nobody pinned came; null when it was not tried. */
  readonly stranger: Reach | null;
  /** The zone's listener has been heard of lately. */
  readonly alive: boolean;
  readonly now: Date;
};

type Verdict = { readonly code: ConnectionFindingCode; readonly params?: Params };

/** What ends within this time is worth a warning: the worker should have renewed it two weeks before. */
const SOON_MS = 14 * 86_400_000;
const VCENTER_VERSION = "1.1";

/** SHA-256 of a certificate's DER, lower-case hexadecimal. */
export function fingerprintOf(certificate: X509Certificate | null | undefined): string | null {
  return certificate?.fingerprint256.replaceAll(":", "").toLowerCase() ?? null;
}

/** Why a connection came to nothing; `findings.why` of the messages says it. */
type CauseCode =
  | "CONNECTION_REFUSED"
  | "CONNECTION_TIMEOUT"
  | "CONNECTION_CLOSED"
  | "NAME_UNKNOWN"
  | "NO_ROUTE";

const NETWORK_CAUSES: { readonly [code: string]: CauseCode } = {
  ECONNREFUSED: "CONNECTION_REFUSED",
  ETIMEDOUT: "CONNECTION_TIMEOUT",
  ECONNRESET: "CONNECTION_CLOSED",
  EPIPE: "CONNECTION_CLOSED",
  ENOTFOUND: "NAME_UNKNOWN",
  EAI_AGAIN: "NAME_UNKNOWN",
  EHOSTUNREACH: "NO_ROUTE",
  ENETUNREACH: "NO_ROUTE",
};

function textOf(error: unknown, name: "code" | "reason"): string | null {
  if (!(error instanceof Error)) {
    return null;
  }
  const { [name]: value } = error as Error & { code?: unknown; reason?: unknown };

  return typeof value === "string" ? value : null;
}

function causeCodeOf(error: unknown): CauseCode | null {
  if (error instanceof KmipConnectionError) {
    if (error.failure === "closed") {
      return "CONNECTION_CLOSED";
    }
    if (error.failure === "timeout") {
      return "CONNECTION_TIMEOUT";
    }
  }

  return NETWORK_CAUSES[textOf(error, "code") ?? ""] ?? null;
}

/** Why a connection came to nothing: `whyCode`, or what the system said of it. */
function why(error: unknown): Params {
  const code = causeCodeOf(error);
  if (code !== null) {
    return { whyCode: code };
  }

  // OpenSSL's reason is a phrase ("wrong version number"); its whole message has memory addresses in it.
  const cause = textOf(error, "reason") ?? textOf(error, "code");

  return cause === null ? {} : { why: `${cause}.` };
}

function judgeTcp({ probe, inside, alive }: Observation): Verdict {
  if (probe.connected && inside === null) {
    return { code: "ENDPOINT_REACHED" };
  }
  if (inside !== null) {
    const { address, outside } = inside;
    const insideAddress = `${address.host}:${address.port}`;

    return { code: "PUBLIC_HOST_UNREACHED", params: { insideAddress, ...why(outside.error) } };
  }

  return { code: alive ? "ENDPOINT_UNREACHED" : "ENDPOINT_DOWN", params: why(probe.error) };
}

function judgeTls({ probe }: Observation): Verdict {
  if (probe.tls === null) {
    return { code: "TLS_FAILED", params: why(probe.error) };
  }

  return {
    code: "TLS_AGREED",
    params: { tlsProtocol: probe.tls.protocol?.replace("TLSv", "TLS ") ?? "TLS", cipher: probe.tls.cipher },
  };
}

function names(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}

function judgeServerCertificate({ probe, serverSha256, host, now }: Observation): Verdict {
  const certificate = probe.tls?.serverCertificate;
  const sha256 = fingerprintOf(certificate);
  if (!certificate || sha256 !== serverSha256) {
    return { code: "SERVER_CERTIFICATE_OTHER", params: { sha256: sha256 ?? "" } };
  }

  const [notBefore, notAfter] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  const params = { notBefore: day(notBefore), notAfter: day(notAfter) };
  if (notAfter <= now) {
    return { code: "SERVER_CERTIFICATE_EXPIRED", params };
  }
  if (notBefore > now) {
    return { code: "SERVER_CERTIFICATE_NOT_YET", params };
  }
  if (!names(certificate, host)) {
    return { code: "SERVER_CERTIFICATE_OTHER_HOST", params };
  }
  if (notAfter.getTime() - now.getTime() < SOON_MS) {
    return { code: "SERVER_CERTIFICATE_ENDS_SOON", params };
  }

  return { code: "SERVER_CERTIFICATE_KNOWN", params };
}

const day = (date: Date): string => date.toISOString().slice(0, 10);

/** Turned away is who was cut off, or whose certificate TLS itself refused. All other words are an answer. */
function judgeStranger({ stranger }: Observation): Verdict {
  const error = stranger?.error;
  const cause = causeCodeOf(error);
  const changed = error instanceof KmipConnectionError && error.failure === "certificate";
  if (!stranger?.connected || cause === "CONNECTION_TIMEOUT" || changed) {
    return { code: "STRANGER_UNDECIDED", params: why(error) };
  }
  const refused = cause === "CONNECTION_CLOSED" || textOf(error, "code")?.startsWith("ERR_SSL_") === true;

  return { code: refused ? "STRANGER_REFUSED" : "STRANGER_ANSWERED" };
}

function judgeKmip({ probe }: Observation): Verdict {
  const { versions, error } = probe;
  if (versions !== null) {
    return { code: "KMIP_ANSWERED", params: { versions: versions.join(", ") } };
  }
  if (error instanceof KmipOperationError) {
    return { code: "KMIP_REFUSED", params: { cause: error.message } };
  }

  switch (causeCodeOf(error)) {
    case "CONNECTION_CLOSED":
      return { code: "KMIP_NOT_ADMITTED" };
    case "CONNECTION_TIMEOUT":
      return { code: "KMIP_SILENT" };
    default:
      return { code: "KMIP_UNREADABLE", params: { cause: error instanceof Error ? error.message : "" } };
  }
}

function judgeVersion({ probe }: Observation): Verdict {
  const versions = probe.versions ?? [];

  return versions.includes(VCENTER_VERSION)
    ? { code: "VCENTER_VERSION_OFFERED" }
    : { code: "VCENTER_VERSION_MISSING", params: { versions: versions.join(", ") } };
}

type Step = {
  readonly id: ConnectionCheckId;
  readonly needs: readonly ConnectionCheckId[];
  readonly judge: (seen: Observation) => Verdict;
  readonly milliseconds?: (seen: Observation) => number | undefined;
};

const STEPS: readonly Step[] = [
  { id: "tcp", needs: [], judge: judgeTcp, milliseconds: ({ probe }) => probe.milliseconds.tcp },
  { id: "tls", needs: ["tcp"], judge: judgeTls, milliseconds: ({ probe }) => probe.milliseconds.tls },
  { id: "serverCertificate", needs: ["tls"], judge: judgeServerCertificate },
  {
    id: "strangerRefused",
    needs: ["tls"],
    judge: judgeStranger,
    milliseconds: ({ stranger }) => stranger?.milliseconds.kmip,
  },
  { id: "kmip", needs: ["tls"], judge: judgeKmip, milliseconds: ({ probe }) => probe.milliseconds.kmip },
  { id: "vcenterVersion", needs: ["kmip"], judge: judgeVersion },
];

/**
 * Judges what was seen, check by check. A check whose need failed is skipped, and says which one stands at the root of
 * it. Of a server that shows another certificate nothing more is said.
 */
export function judgeConnection(seen: Observation): ConnectionCheck[] {
  const { zone, host, port } = seen;
  const failed = new Map<ConnectionCheckId, ConnectionCheckId>();
  let other: ConnectionCheckId | undefined;

  return STEPS.map((step) => {
    const root = other ?? step.needs.flatMap((need) => failed.get(need) ?? [])[0];
    const verdict: Verdict =
      root === undefined ? step.judge(seen) : { code: "WAITS_FOR", params: { check: root } };
    const params = { zone: String(zone), host, port: String(port), ...verdict.params };
    const { status, command }: Finding = CONNECTION_FINDINGS[verdict.code];
    if (status === "fail" || root !== undefined) {
      failed.set(step.id, root ?? step.id);
    }
    if (verdict.code === "SERVER_CERTIFICATE_OTHER") {
      other = step.id;
    }
    const milliseconds = root === undefined ? step.milliseconds?.(seen) : undefined;

    return {
      id: step.id,
      status,
      code: verdict.code,
      params,
      ...(command ? { command: command(params) } : {}),
      ...(milliseconds === undefined ? {} : { durationMs: tenths(milliseconds) }),
    };
  });
}

/** Milliseconds to one digit after the point. */
export const tenths = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;
