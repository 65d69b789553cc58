import { lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector, Pool } from "undici";
import { type AllowList, mayConnect, type Target, targetOf } from "./allow-list";

/** Code of a connection that was not made, as the rule of outbound addresses forbids it. */
export const ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED";

/** The address must not be connected to. Nothing was sent there, not even a SYN: it says nothing of what listens. */
class AddressNotAllowedError extends Error {
  readonly code = ADDRESS_NOT_ALLOWED;

  constructor() {
    super("The address is not allowed.");
    this.name = "AddressNotAllowedError";
  }
}

/** Resolves a name; the system's, but for tests. */
type Lookup = (
  hostname: string,
  options: { readonly all: true; readonly family?: number; readonly hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void;

type OutboundOptions = {
  /** What is allowed beside what anybody may name; asked at every connection. */
  readonly allow: () => AllowList;
  readonly lookup?: Lookup;
  /** A connection that nobody used for so long is closed. */
  readonly idleMs: number;
};

/**
 * Connections to where a request, a setting or somebody's answer points. The rule judges the address that is connected
 * to: a name is resolved once for a connection, and the connection is made to one of the addresses that were judged.
 * Nothing limits time; who sends does. One request at a time on a connection: what is lost with it is one request, of
 * which nobody can say whether it had an effect.
 */
export function createOutboundAgent({ allow, lookup = systemLookup, idleMs }: OutboundOptions): Agent {
  return new Agent({
    pipelining: 1,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    factory: (origin, options) =>
      new Pool(origin, { ...options, connect: guarded(targetOf(String(origin)), allow, lookup) }),
  });
}

/** The connector of one origin. */
function guarded(target: Target, allow: () => AllowList, lookup: Lookup): buildConnector.connector {
  const connect = buildConnector({ lookup: judgedLookup(target, allow, lookup) });

  return (options, callback) => {
    // Sockets resolve names alone, and take addresses as they are.
    if (isIP(options.hostname) !== 0 && !mayConnect(target, options.hostname, allow())) {
      callback(new AddressNotAllowedError(), null);

      return;
    }

    connect(options, callback);
  };
}

/** Resolves a name for a socket, and keeps from it what it must not connect to. */
function judgedLookup(target: Target, allow: () => AllowList, lookup: Lookup): LookupFunction {
  return (hostname, { all, family, hints }, callback) => {
    const wanted = { all: true, ...numbers({ family, hints }) } as const;

    lookup(hostname, wanted, (error, found) => {
      const addresses = error ? [] : found.filter(({ address }) => mayConnect(target, address, allow()));
      const [first] = addresses;

      if (error || first === undefined) {
        callback(error ?? new AddressNotAllowedError(), "", 0);
      } else if (all) {
        callback(null, addresses);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

function numbers(values: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
