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

/** Hashes the links of one writer's chain. */
export type LinkHasher = {
  /** @returns the hash as a string of one character a byte */
  hash(sequence: bigint, previousHash: string, event: string): string;
  /** The event of the last call in UTF-8; good until the next. */
  event(): Uint8Array;
};

const SEQUENCE_BYTES = 8;
const HASH_BYTES = 32;
const LENGTH_BYTES = 4;
/** A UTF-16 code unit takes no more bytes than this in UTF-8. */
const MAX_UTF8_BYTES = 3;

/**
 * SHA-256 over a canonical byte string: a domain label, the node (32-bit length, UTF-8), the sequence (64 bits,
 * big-endian), the previous hash (32 bytes) and the event (32-bit length, UTF-8). Every part is of known length,
 * so no two different links have the same string.
 */
export function createLinkHasher(node: string): LinkHasher {
  const nodeBytes = Buffer.byteLength(node, "utf8");
  const sequenceAt = DOMAIN.length + LENGTH_BYTES + nodeBytes;
  const previousAt = sequenceAt + SEQUENCE_BYTES;
  const lengthAt = previousAt + HASH_BYTES;
  const eventAt = lengthAt + LENGTH_BYTES;
  /** One string for all links: label and node stay in it, and nothing is left for the collector. */
  let link = allocate(4_096);
  let end = eventAt;

  function allocate(eventBytes: number): Buffer {
    const fresh = Buffer.allocUnsafeSlow(eventAt + eventBytes);

    DOMAIN.copy(fresh);
    fresh.write(node, fresh.writeUInt32BE(nodeBytes, DOMAIN.length), "utf8");

    return fresh;
  }

  return {
    hash(sequence, previousHash, event) {
      if (link.length - eventAt < event.length * MAX_UTF8_BYTES) {
        link = allocate(event.length * MAX_UTF8_BYTES);
      }

      link.writeBigUInt64BE(sequence, sequenceAt);
      link.write(previousHash, previousAt, "latin1");
      end = eventAt + link.write(event, eventAt, "utf8");
      link.writeUInt32BE(end - eventAt, lengthAt);

      return hash("sha256", link.subarray(0, end), "binary");
    },
    event: () => link.subarray(eventAt, end),
  };
}

/** The hash of one link by itself. */
export function hashLink({ node, sequence, previousHash, event }: ChainLink): Buffer {
  const previous = Buffer.from(previousHash).toString("latin1");

  return Buffer.from(createLinkHasher(node).hash(sequence, previous, event), "latin1");
}
