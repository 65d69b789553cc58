import { addressBytes, isRefused, isWithin, type Network, parseNetwork, plainBytes } from "./addresses";

/** What a connection is asked for: a name or an address, as it stands in a URL, and a port. */
export type Target = { readonly host: string; readonly port: number };

/** What a deployment lets its processes connect to beside what anybody may name: an address or network, or a name. */
export type Allowed =
  | { readonly network: Network; readonly port: number | null }
  | { readonly name: string; readonly port: number | null };

export type AllowList = readonly Allowed[];

/** Labels as DNS has them; the last begins with a letter, as else it is one of the many spellings of an address. */
const NAME = /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

/**
 * Reads a list of `HOST`, `HOST:PORT` and `ADDRESS/BITS`, separated by commas. IPv6 addresses with a port stand in
 * brackets.
 * @returns null when an entry is none of these
 */
export function parseAllowList(text: string): AllowList | null {
  const entries = text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)
    .map(parseEntry);

  return entries.every((entry) => entry !== null) ? entries : null;
}

function parseEntry(text: string): Allowed | null {
  const network = parseNetwork(text);

  if (network !== null) {
    return { network, port: null };
  }

  const whole = addressBytes(text);

  if (whole !== null) {
    return { network: single(whole), port: null };
  }

  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? null : Number(digits);

  if (port !== null && (port < 1 || port > 65_535)) {
    return null;
  }

  const bytes = addressBytes(bracketed ?? plain ?? "");

  // Brackets hold IPv6 addresses and nothing else.
  if (bytes !== null) {
    return bracketed !== undefined && bytes.length === 4 ? null : { network: single(bytes), port };
  }

  return plain !== undefined && plain.length <= 253 && NAME.test(plain)
    ? { name: plainName(plain), port }
    : null;
}

function single(address: readonly number[]): Network {
  const bytes = plainBytes(address);

  return { bytes, bits: bytes.length * 8 };
}

/** Names are the same in upper case, and with the dot of the root. */
const plainName = (name: string) => name.toLowerCase().replace(/\.$/, "");

/** Host and port of a URL, which has been parsed before. */
export function targetOf(url: string): Target {
  const { hostname, port, protocol } = new URL(url);

  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}

/** The entry that allows what a URL of the deployment's own names. */
export function allowedBy(url: string): Allowed {
  const { host, port } = targetOf(url);
  const bytes = addressBytes(host);

  return bytes === null ? { name: plainName(host), port } : { network: single(bytes), port };
}

/**
 * Whether a connection for a target may be made to an address. Private networks always; this machine, its link and
 * metadata services only where the list names the address or the target's own name.
 */
export function mayConnect(target: Target, address: string, allow: AllowList): boolean {
  const bytes = addressBytes(address);

  if (bytes === null) {
    return false;
  }

  return (
    !isRefused(bytes) ||
    allow.some(
      (entry) =>
        (entry.port === null || entry.port === target.port) &&
        ("name" in entry
          ? entry.name === plainName(target.host)
          : isWithin(plainBytes(bytes), entry.network) || isWithin(bytes, entry.network)),
    )
  );
}

/** Names of this machine, which are resolved to the same addresses everywhere (RFC 6761, 6.3). */
const LOCAL_NAME = /^(.+\.)?localhost\.?$/i;

/** Whether the address in a URL may be connected to. True for a name, whose addresses are judged when it is resolved. */
export function mayBeConnectedTo(url: string, allow: AllowList): boolean {
  const target = targetOf(url);

  if (LOCAL_NAME.test(target.host)) {
    return ["127.0.0.1", "::1"].some((address) => mayConnect(target, address, allow));
  }

  return addressBytes(target.host) === null || mayConnect(target, target.host, allow);
}
