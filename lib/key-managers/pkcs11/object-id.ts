/**
 * A standard key's id (a UUID) as CKA_OBJECT_ID holds it: the DER of the object identifier 2.25.UUID (X.667, 6.3), which
 * whoever makes UUIDs may use.
 */
export function objectIdOf(id: string): Buffer | null {
  const hex = id.replaceAll("-", "");

  if (!/^[0-9a-f]{32}$/i.test(hex)) {
    return null;
  }

  const arcs: number[] = [];

  // Base 128, the most significant group first, all but the last with the high bit set (X.690, 8.19).
  for (let rest = BigInt(`0x${hex}`); ; rest >>= 7n) {
    arcs.unshift(Number(rest & 0x7fn) | (arcs.length === 0 ? 0 : 0x80));

    if (rest < 0x80n) {
      break;
    }
  }

  // The first two arcs share a group: 2 · 40 + 25.
  return Buffer.from([0x06, arcs.length + 1, 105, ...arcs]);
}

/** The UUID in a CKA_OBJECT_ID of objectIdOf; null for another object's. */
export function idOfObject(der: Buffer): string | null {
  const arcs = der.subarray(3);

  if (
    der[0] !== 0x06 ||
    der[1] !== der.length - 2 ||
    der[2] !== 105 ||
    arcs.length === 0 ||
    arcs.length > 19
  ) {
    return null;
  }

  const value = arcs.reduce((sum, byte) => (sum << 7n) | BigInt(byte & 0x7f), 0n);
  const hex = value.toString(16).padStart(32, "0");
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

  return objectIdOf(id)?.equals(der) ? id : null;
}
