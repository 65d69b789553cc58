import { isIPv4, isIPv6 } from "node:net";

/** A network: the address's bytes, of which the first `bits` count. */
export type Network = { readonly bytes: readonly number[]; readonly bits: number };

/** Bytes of an IP address as Node writes it and takes it: 4 or 16 of them; null for any other text. */
export function addressBytes(text: string): readonly number[] | null {
  if (isIPv4(text)) {
    return text.split(".").map(Number);
  }

  // A zone says through which of this machine's interfaces, not where to.
  const address = text.replace(/%.*$/, "");

  return isIPv6(address) ? bytesOfIpv6(address) : null;
}

function bytesOfIpv6(address: string): readonly number[] {
  const groupsOf = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => {
          const [a = 0, b = 0, c = 0, d = 0] = group.includes(".") ? group.split(".").map(Number) : [];

          return group.includes(".") ? [a * 256 + b, c * 256 + d] : [Number.parseInt(group, 16)];
        });
  const [head = "", tail = ""] = address.split("::");
  const [before, after] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);

  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

/** True when an address is one of a network's. */
export function isWithin(address: readonly number[], { bytes, bits }: Network): boolean {
  if (address.length !== bytes.length) {
    return false;
  }

  return bytes.every((byte, index) => {
    const counting = Math.min(Math.max(bits - index * 8, 0), 8);
    const mask = (0xff << (8 - counting)) & 0xff;

    return ((address[index] ?? 0) & mask) === (byte & mask);
  });
}

/** `ADDRESS/BITS` as a network; null for any other text. */
export function parseNetwork(text: string): Network | null {
  const [, address = "", length = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const bytes = addressBytes(address);
  const bits = Number(length);

  return bytes === null || bits > bytes.length * 8 ? null : { bytes, bits };
}

function networks(...texts: readonly string[]): readonly Network[] {
  return texts.map((text) => {
    const network = parseNetwork(text);

    if (network === null) {
      throw new Error(`${text} is no network.`);
    }

    return network;
  });
}

/**
 * Where no request may send anybody: this machine, its link, the services by which clouds tell a machine its own
 * credentials, and what is no single machine. (RFC 6890; the metadata addresses are those of the makers' documents.)
 */
const REFUSED = networks(
  // This machine. Systems take 0.0.0.0 and :: for it as well.
  "0.0.0.0/8",
  "127.0.0.0/8",
  "::/128",
  "::1/128",
  // The link, and with it the metadata services of IBM Cloud, AWS, Azure, Google and others at 169.254.169.254.
  "169.254.0.0/16",
  "fe80::/10",
  // Metadata and host agents elsewhere: Alibaba, Oracle, Azure, AWS, Google, Scaleway.
  "100.100.100.200/32",
  "192.0.0.192/32",
  "168.63.129.16/32",
  "fd00:ec2::254/128",
  "fd20:ce::254/128",
  "fd00:42::42/128",
  // Many machines at once.
  "224.0.0.0/4",
  "255.255.255.255/32",
  "ff00::/8",
);

/** IPv6 addresses that stand for an IPv4 address, and at which byte it begins. */
const CARRIERS = [
  // IPv4-mapped and IPv4-compatible (RFC 4291, 2.5.5), IPv4-translated (RFC 2765).
  { networks: networks("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96"), at: 12, inverted: false },
  // NAT64 (RFC 6052, RFC 8215).
  { networks: networks("64:ff9b::/96", "64:ff9b:1::/48"), at: 12, inverted: false },
  // 6to4 (RFC 3056).
  { networks: networks("2002::/16"), at: 2, inverted: false },
  // Teredo (RFC 4380, 4): the client's, inverted.
  { networks: networks("2001::/32"), at: 12, inverted: true },
] as const;

/** The IPv4 address that an IPv6 address carries, or the address itself. */
function carried(address: readonly number[]): readonly number[] {
  const carrier = CARRIERS.find(({ networks: all }) => all.some((network) => isWithin(address, network)));

  return carrier === undefined
    ? address
    : address.slice(carrier.at, carrier.at + 4).map((byte) => (carrier.inverted ? byte ^ 0xff : byte));
}

const MAPPED = networks("::ffff:0:0/96");

/** The address that is meant: `::ffff:10.0.0.1` is 10.0.0.1 to every socket. */
export function plainBytes(address: readonly number[]): readonly number[] {
  return MAPPED.some((network) => isWithin(address, network)) ? address.slice(12) : address;
}

/** True for an address that is connected to only where the deployment names it. */
export function isRefused(address: readonly number[]): boolean {
  return [address, carried(address)].some((bytes) => REFUSED.some((network) => isWithin(bytes, network)));
}
