import { Fragment } from "react";
import { MonoCopy } from "@/components/ui/copy";

/** A hexadecimal digest as OpenSSL and vCenter show it: upper case, a colon after each byte. */
export function colonHex(hex: string): string {
  return bytesOf(hex).join(":");
}

function bytesOf(hex: string): string[] {
  return (
    hex
      .replaceAll(":", "")
      .toUpperCase()
      .match(/.{1,2}/g) ?? []
  );
}

/** A fingerprint to compare and copy; it breaks between bytes only. */
export function Fingerprint({ hex, what }: Readonly<{ hex: string; what: string }>) {
  return (
    <MonoCopy
      value={colonHex(hex)}
      what={what}
      display={
        <span className="break-keep">
          {bytesOf(hex).map((byte, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: bytes of a digest never move
            <Fragment key={index}>
              {index > 0 ? (
                <>
                  :<wbr />
                </>
              ) : null}
              {byte}
            </Fragment>
          ))}
        </span>
      }
    />
  );
}
