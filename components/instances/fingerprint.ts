/** A hexadecimal digest as OpenSSL and vCenter show it: upper case, a colon after each byte. */
export function colonHex(hex: string): string {
  return (
    hex
      .replaceAll(":", "")
      .toUpperCase()
      .match(/.{1,2}/g)
      ?.join(":") ?? ""
  );
}
