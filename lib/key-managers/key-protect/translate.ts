import { type CallContext, KeyManagerError, type RootKey } from "../key-manager";
import type { WireKey } from "./wire";

/** Path of a key by id or alias. */
export function keyPath(idOrAlias: string): string {
  return `/keys/${encodeURIComponent(idOrAlias)}`;
}

/** Base64 of the bytes that an array shows, also when it is a slice of a larger buffer. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** The one resource of an envelope. @throws KeyManagerError `serverError` when there is not exactly one */
export function only<T>(resources: readonly T[], service: string, context: CallContext): T {
  const [first] = resources;

  if (first === undefined || resources.length !== 1) {
    throw new KeyManagerError(
      "serverError",
      `${service} answered ${resources.length} resources where there is one.`,
      { code: "MALFORMED_RESPONSE", correlationId: context.correlationId },
    );
  }

  return first;
}

/** A root key in the port's terms. */
export function toRootKey(key: WireKey): RootKey {
  return {
    id: key.id,
    name: key.name,
    state: key.deleted ? "destroyed" : key.state,
    keyRing: key.keyRingID,
    lastRotatedAt: toDate(key.lastRotateDate),
    // Another call (`/versions`) per key would tell.
    versions: null,
    currentVersion: key.keyVersion?.id ?? null,
    algorithm: key.algorithmBitSize ? `AES-${key.algorithmBitSize}` : "AES",
  };
}

/** A date of the wire, or null when there is none. */
export function toDate(text: string | null | undefined): Date | null {
  const time = text ? Date.parse(text) : Number.NaN;

  return Number.isNaN(time) ? null : new Date(time);
}

const OPERATOR = /^\s*(?:not|escape|exact|alias|name):/;

/** A search text as plain text: words like `not:` in front would be operators otherwise. */
export function searchText(text: string): string {
  return OPERATOR.test(text) ? `escape:${text}` : text;
}

/**
 * The search for keys of a name; it may find others as well, so the caller compares. A name that begins like an operator
 * cannot be asked for exactly, since what follows `escape:` is text as a whole; commas at the end of a search are lost.
 * Null when nothing is left to search for.
 */
export function nameSearch(name: string): string | null {
  const text = name.replace(/,+$/, "");

  if (text === name && !OPERATOR.test(text)) {
    return `exact:name:${text}`;
  }

  return text === "" ? null : `escape:${text}`;
}

/** The opaque cursor for an offset. */
export function makeCursor(offset: number): string {
  return Buffer.from(`o${offset}`).toString("base64url");
}

/** The offset of a cursor. @throws KeyManagerError `rejected` with code INVALID_CURSOR */
export function parseCursor(cursor: string, context: CallContext): number {
  const text = Buffer.from(cursor, "base64url").toString("latin1");
  const offset = Number(text.slice(1));

  if (!/^o\d{1,9}$/.test(text) || makeCursor(offset) !== cursor) {
    throw new KeyManagerError("rejected", "The cursor is not one of this list.", {
      code: "INVALID_CURSOR",
      correlationId: context.correlationId,
    });
  }

  return offset;
}
