import { perProcess } from "@/lib/per-process";
import {
  type CircuitBreaker,
  type CircuitState,
  createCircuitBreaker,
} from "@/lib/resilience/circuit-breaker";
import { createLimiter, type Limiter } from "@/lib/resilience/limiter";

/** Requests at once to one key manager instance. */
export const DEFAULT_CONCURRENCY = 16;

/** What all adapters of one key manager instance share in a process. */
export type CallLimits = { readonly limiter: Limiter; readonly breaker: CircuitBreaker };

/** A key manager instance at one address, as this process sees it. */
export type KeyManagerLoad = {
  readonly instanceGuid: string;
  readonly endpoint: string;
  readonly circuit: CircuitState;
  /** Outages in a row. */
  readonly failures: number;
  /** How often the circuit opened since the start. */
  readonly opened: number;
  /** Requests under way, and waiting for their turn. */
  readonly running: number;
  readonly waiting: number;
};

export type CircuitListener = (change: {
  readonly instanceGuid: string;
  readonly endpoint: string;
  readonly circuit: CircuitState;
  readonly failures: number;
}) => void;

type State = {
  readonly limiters: Map<string, Limiter>;
  readonly breakers: Map<string, { instanceGuid: string; endpoint: string; breaker: CircuitBreaker }>;
  listener: CircuitListener | null;
};

const MAX_KNOWN = 20_000;
const state = perProcess<State>("key-manager-call-limits", () => ({
  limiters: new Map(),
  breakers: new Map(),
  listener: null,
}));

/** The value of a key, made when there is none. The oldest leaves when there are too many: who has it keeps it. */
function remember<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key);

  if (known !== undefined) {
    return known;
  }

  if (map.size >= MAX_KNOWN) {
    const [oldest] = map.keys();
    map.delete(oldest ?? "");
  }

  const made = make();
  map.set(key, made);

  return made;
}

/**
 * The limits of calls to a key manager instance. Several KMIP instances may share one, and its request rate with it. The
 * circuit is the address's as well, so that an address that somebody mistyped does not keep calls from the right one.
 */
export function callLimitsOf(instanceGuid: string, endpoint: string): CallLimits {
  const all = state();
  const limiter = remember(all.limiters, instanceGuid, () => createLimiter(DEFAULT_CONCURRENCY));
  const { breaker } = remember(all.breakers, `${instanceGuid} ${endpoint}`, () => ({
    instanceGuid,
    endpoint,
    breaker: createCircuitBreaker({
      onChange: (circuit, failures) => state().listener?.({ instanceGuid, endpoint, circuit, failures }),
    }),
  }));

  return { limiter, breaker };
}

/** The key manager instances that this process has spoken to. */
export function keyManagerLoads(): KeyManagerLoad[] {
  const { limiters, breakers } = state();

  return [...breakers.values()].map(({ instanceGuid, endpoint, breaker }) => {
    const load = limiters.get(instanceGuid)?.load ?? { running: 0, waiting: 0 };

    return {
      instanceGuid,
      endpoint,
      circuit: breaker.state,
      failures: breaker.failures,
      opened: breaker.opened,
      ...load,
    };
  });
}

const MAX_TROUBLED = 200;

/** Those of them that were out at some time since the start, the ones that are out now first; at most 200. */
export function troubledKeyManagers(): Pick<
  KeyManagerLoad,
  "instanceGuid" | "endpoint" | "circuit" | "opened"
>[] {
  return keyManagerLoads()
    .filter(({ opened }) => opened > 0)
    .sort((a, b) => Number(a.circuit === "closed") - Number(b.circuit === "closed"))
    .slice(0, MAX_TROUBLED)
    .map(({ instanceGuid, endpoint, circuit, opened }) => ({ instanceGuid, endpoint, circuit, opened }));
}

/** Tells one listener of every circuit that opens or closes from now on: the process's log. */
export function onCircuitChange(listener: CircuitListener): void {
  state().listener = listener;
}
