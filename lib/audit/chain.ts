import { createHash } from "node:crypto";

/** Hash before the first event of a chain. */
export const GENESIS_HASH: Uint8Array = new Uint8Array(32);

const DOMAIN = Buffer.from("kmip-console audit event v1\0", "ascii");

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  const prefixed = Buffer.allocUnsafe(4 + bytes.length);

  prefixed.writeUInt32BE(bytes.length, 0);
  bytes.copy(prefixed, 4);

  return prefixed;
}

/** A link of a writer's chain. `event` is the exact text that is stored and forwarded. */
export type ChainLink = {
  readonly node: string;
  readonly sequence: bigint;
  readonly previousHash: Uint8Array;
  readonly event: string;
};

/**
 * SHA-256 over a canonical byte string: a domain label, the node (32-bit length, UTF-8), the sequence (64 bits,
 * big-endian), the previous hash (32 bytes) and the event (32-bit length, UTF-8). Every part is of known length,
 * so no two different links have the same string.
 */
export function hashLink(link: ChainLink): Buffer {
  const sequence = Buffer.allocUnsafe(8);

  sequence.writeBigUInt64BE(link.sequence);

  return createHash("sha256")
    .update(DOMAIN)
    .update(lengthPrefixed(link.node))
    .update(sequence)
    .update(link.previousHash)
    .update(lengthPrefixed(link.event))
    .digest();
}
