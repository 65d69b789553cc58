/** Tells which certificates are in use, at most once in a while for each: not at every message. */
import type { EngineLogger } from "../ports";

const INTERVAL_MS = 60_000;

/** Called when a certificate was used, at most once a minute for each. */
export type SeenListener = (certificateId: string, remoteAddress: string) => void;

/** Keeps when each certificate was seen last. */
export class SeenCertificates {
  readonly #listener: SeenListener | undefined;
  readonly #logger: EngineLogger;
  /** By certificate, in monotonic milliseconds. */
  readonly #lastSeen = new Map<string, number>();

  constructor(listener: SeenListener | undefined, logger: EngineLogger) {
    this.#listener = listener;
    this.#logger = logger;
  }

  /** Notes that a certificate was used. */
  note(certificateId: string, remoteAddress: string): void {
    if (this.#listener === undefined) {
      return;
    }
    const now = performance.now();
    const before = this.#lastSeen.get(certificateId);
    if (before !== undefined && now - before < INTERVAL_MS) {
      return;
    }
    this.#lastSeen.set(certificateId, now);
    try {
      this.#listener(certificateId, remoteAddress);
    } catch (error) {
      this.#logger.error({ err: error }, "The listener for seen certificates failed");
    }
  }

  /** Forgets those that were seen long ago. @param now monotonic milliseconds */
  sweep(now: number): void {
    for (const [certificateId, at] of this.#lastSeen) {
      if (now - at > INTERVAL_MS) {
        this.#lastSeen.delete(certificateId);
      }
    }
  }
}
