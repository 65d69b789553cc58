/**
 * Handshakes that came to nothing: the last ones, shown by the console to who sets up trust, and how many there
 * were. They are no noise in the log, as probes are normal.
 */
import type { TLSSocket } from "node:tls";
import type { EngineClock, EngineLogger, FailedHandshake, FailedHandshakeReason } from "../ports";

const KEPT = 50;
const MAX_TEXT = 300;

/** Failures of TLS that somebody can do something about: the others from the same address do not hide them. */
const MENDABLE = ["ERR_SSL_UNSUPPORTED_PROTOCOL", "ERR_SSL_NO_SHARED_CIPHER", "ERR_SSL_WRONG_CURVE"];

export type FailedHandshakeCounts = { readonly [K in FailedHandshakeReason]: number };

/** Keeps the last failed handshakes of a listener, and counts all. */
export class FailedHandshakes {
  /** By who failed and why: a flood from one address takes one row, and the others stay to be read. */
  readonly #kept = new Map<string, FailedHandshake>();
  readonly #counts: { [K in FailedHandshakeReason]: number } = {
    "no-certificate": 0,
    "not-pinned": 0,
    "certificate-not-yet-valid": 0,
    "certificate-expired": 0,
    "tls-error": 0,
    timeout: 0,
    closed: 0,
    limit: 0,
  };
  readonly #clock: EngineClock;
  readonly #logger: EngineLogger;
  readonly #listener: ((failure: FailedHandshake) => void) | undefined;

  constructor(clock: EngineClock, logger: EngineLogger, listener?: (failure: FailedHandshake) => void) {
    this.#clock = clock;
    this.#logger = logger;
    this.#listener = listener;
  }

  /** Newest last. */
  list(): readonly FailedHandshake[] {
    return [...this.#kept.values()];
  }

  /** How many there were since the start, by reason. */
  counts(): FailedHandshakeCounts {
    return { ...this.#counts };
  }

  record(failure: Omit<FailedHandshake, "at">): void {
    const complete: FailedHandshake = {
      ...failure,
      at: this.#clock.now(),
      subject: failure.subject?.slice(0, MAX_TEXT) ?? null,
      detail: failure.detail.slice(0, MAX_TEXT),
    };
    this.#counts[failure.reason] += 1;
    this.#keep(complete);
    this.#logger.debug({ ...complete }, "TLS handshake came to nothing");
    try {
      this.#listener?.(complete);
    } catch (error) {
      this.#logger.error({ err: error }, "The listener for failed handshakes failed");
    }
  }

  #keep(failure: FailedHandshake): void {
    const { remoteAddress, certificateSha256, reason, detail } = failure;
    const mendable = MENDABLE.find((code) => detail.startsWith(`${code}: `)) ?? "";
    const key = `${remoteAddress} ${certificateSha256} ${reason} ${mendable}`;
    this.#kept.delete(key);
    this.#kept.set(key, failure);
    if (this.#kept.size <= KEPT) {
      return;
    }
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      return;
    }
  }

  /** Records what Node reports for a handshake that was not completed. */
  recordTlsError(error: Error, socket: TLSSocket, remoteAddress: string): void {
    const code = "code" in error ? String(error.code) : "";
    const reason =
      code === "ERR_TLS_HANDSHAKE_TIMEOUT" ? "timeout" : code === "ECONNRESET" ? "closed" : "tls-error";
    const certificate = socket.getPeerX509Certificate?.();
    this.record({
      remoteAddress,
      certificateSha256: certificate === undefined ? null : fingerprint(certificate.fingerprint256),
      subject: certificate?.subject ?? null,
      reason,
      detail: code === "" ? error.message : `${code}: ${withoutLocation(error.message)}`,
    });
  }
}

/** OpenSSL's words without the thread and the line of its source that they carry. */
const withoutLocation = (message: string): string => {
  const [, reason] = /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/i.exec(message) ?? [];
  return reason ?? message;
};

/** "81:A5:…" as lower-case hexadecimal without separators. */
export const fingerprint = (colons: string): string => colons.replaceAll(":", "").toLowerCase();
