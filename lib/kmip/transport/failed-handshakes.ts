/**
 * The last handshakes that came to nothing: shown by the console to who sets up trust, and no noise in the log,
 * as probes are normal.
 */
import type { TLSSocket } from "node:tls";
import type { EngineClock, EngineLogger, FailedHandshake } from "../ports";

const KEPT = 50;
const MAX_TEXT = 300;

export class FailedHandshakes {
  readonly #kept: FailedHandshake[] = [];
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
    return [...this.#kept];
  }

  record(failure: Omit<FailedHandshake, "at">): void {
    const complete: FailedHandshake = {
      ...failure,
      at: this.#clock.now(),
      subject: failure.subject?.slice(0, MAX_TEXT) ?? null,
      detail: failure.detail.slice(0, MAX_TEXT),
    };
    this.#kept.push(complete);
    if (this.#kept.length > KEPT) this.#kept.shift();
    this.#logger.debug({ ...complete }, "TLS handshake came to nothing");
    try {
      this.#listener?.(complete);
    } catch (error) {
      this.#logger.error({ err: error }, "The listener for failed handshakes failed");
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
      detail: code === "" ? error.message : `${code}: ${error.message}`,
    });
  }
}

/** "81:A5:…" as lower-case hexadecimal without separators. */
export const fingerprint = (colons: string): string => colons.replaceAll(":", "").toLowerCase();
