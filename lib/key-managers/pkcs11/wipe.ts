/** Zeroes the buffers in the values of a message that has been dealt with. */
export function wipe(values: readonly unknown[]): void {
  for (const value of values) {
    if (value instanceof Uint8Array) {
      value.fill(0);
    } else if (typeof value === "object" && value !== null) {
      wipe(Object.values(value));
    }
  }
}
