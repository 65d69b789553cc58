import { hash } from "node:crypto";

/** Hash before the first event of a chain. */
export const GENESIS_HASH: Uint8Array = new Uint8Array(32);

const DOMAIN = Buffer.from("kmip-console audit event v1\0", "ascii");

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
  const node = Buffer.byteLength(link.node, "utf8");
  const event = Buffer.byteLength(link.event, "utf8");
  const text = Buffer.allocUnsafe(DOMAIN.length + 4 + node + 8 + link.previousHash.length + 4 + event);
  let at = DOMAIN.copy(text);

  at = text.writeUInt32BE(node, at);
  at += text.write(link.node, at, "utf8");
  at = text.writeBigUInt64BE(link.sequence, at);
  text.set(link.previousHash, at);
  at = text.writeUInt32BE(event, at + link.previousHash.length);
  text.write(link.event, at, "utf8");

  return hash("sha256", text, "buffer");
}
