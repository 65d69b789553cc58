import type { HttpResponse } from "@/lib/ibm-cloud/http";
import { waitFor } from "@/lib/resilience/deadline";
import type { Limiter } from "@/lib/resilience/limiter";
import type { CallContext } from "../key-manager";
import type { KeyProtectCall, Sender } from "./sender";

/** A request that others ask for as well, while it waits for its turn. */
type Queued = {
  readonly answer: Promise<HttpResponse>;
  readonly controller: AbortController;
  endsAt: number;
  askers: number;
};

/**
 * Requests that are the same and wait for their turn are sent once. One that was sent is not joined: its answer may be
 * older than the question, and a deleted key would be read once more.
 */
export function createSharedRequests(send: Sender, limiter: Limiter): Sender {
  const queued = new Map<string, Queued>();

  function queue(key: string, call: KeyProtectCall, context: CallContext, endsAt: number): Queued {
    const controller = new AbortController();
    const made: Queued = {
      controller,
      endsAt,
      askers: 0,
      answer: limiter.run(() => {
        queued.delete(key);

        return send(call, context, { endsAt: made.endsAt, signal: controller.signal });
      }, controller.signal),
    };

    queued.set(key, made);

    return made;
  }

  /** Joins a request of the same content that was not sent yet, or queues one. */
  return async (call, context, { endsAt, signal }) => {
    const key = JSON.stringify([call.method, call.path, call.keyRing, call.body]);
    const known = queued.get(key) ?? queue(key, call, context, endsAt);

    known.endsAt = Math.max(known.endsAt, endsAt);
    known.askers += 1;

    try {
      return await waitFor(known.answer, signal);
    } catch (error) {
      if (known.askers > 1 || !signal.aborted) {
        throw error;
      }

      if (queued.get(key) === known) {
        queued.delete(key);
      }

      // Nobody waits for it any more: it ends now, and says what its attempts came to.
      known.controller.abort(signal.reason);

      return await known.answer;
    } finally {
      known.askers -= 1;
    }
  };
}
