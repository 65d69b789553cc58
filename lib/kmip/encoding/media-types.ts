/** Encodings of messages over HTTPS by their media type (KMIP Profiles 1.4, 5.3, 5.4, 5.5). */
import { decodeTtlv } from "../ttlv/decoder";
import { encodeTtlv } from "../ttlv/encoder";
import type { Item } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import { EncodingError } from "./errors";
import { decodeJson, encodeJson } from "./json";
import { decodeXml, encodeXml } from "./xml";

/** A way to write messages: to TTLV and back. */
export type MessageEncoding = {
  /** Content-Type of what is written. */
  readonly mediaType: string;
  /**
   * The TTLV of a body. May be the body itself.
   * @throws EncodingError if the body is no message of this encoding
   */
  toTtlv(body: Buffer): Uint8Array;
  /**
   * A body for TTLV. May be the message itself.
   * @throws EncodingError if this encoding cannot say it
   */
  fromTtlv(message: Uint8Array): Uint8Array;
};

const utf8 = new TextDecoder("utf-8", { fatal: true });

function textOf(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new EncodingError("not UTF-8");
  }
}

const asText = (
  mediaType: string,
  decode: (text: string) => Item,
  encode: (item: Item) => string,
): MessageEncoding => ({
  mediaType,
  toTtlv: (body) => encodeTtlv(decode(textOf(body))),
  fromTtlv(message) {
    return Buffer.from(encode(decodeTtlv(message)), "utf8");
  },
});

export const TTLV_ENCODING: MessageEncoding = {
  mediaType: "application/octet-stream",
  toTtlv: (body) => body,
  fromTtlv: (message) => message,
};
export const XML_ENCODING = asText("text/xml", decodeXml, encodeXml);
export const JSON_ENCODING = asText("application/json", decodeJson, encodeJson);

const BY_MEDIA_TYPE: ReadonlyMap<string, MessageEncoding> = new Map([
  [TTLV_ENCODING.mediaType, TTLV_ENCODING],
  [XML_ENCODING.mediaType, XML_ENCODING],
  // What many clients send for XML, though the profile says text/xml.
  ["application/xml", XML_ENCODING],
  [JSON_ENCODING.mediaType, JSON_ENCODING],
]);

/** Media types that say nothing of what is sent. */
const SILENT: ReadonlySet<string> = new Set(["", "*/*", "application/*"]);

/** Character sets that do not write what XML and JSON are made of as UTF-8 does. */
const OTHER_CHARSET = /^charset\s*=\s*"?(utf-?(16|32|7)|ucs-|ebcdic|ibm)/;

/**
 * The encoding of a Content-Type. Its parameters say nothing here, but for a character set that cannot be read.
 *
 * @returns null where the body has to tell (`encodingOfBytes`), undefined for a type that no message has
 */
export function encodingOf(contentType: string | undefined): MessageEncoding | null | undefined {
  const [mediaType = "", ...parameters] = (contentType ?? "")
    .split(";")
    .map((part) => part.trim().toLowerCase());
  if (SILENT.has(mediaType) && parameters.every((parameter) => parameter === "")) {
    return null;
  }
  if (parameters.some((parameter) => OTHER_CHARSET.test(parameter))) {
    return undefined;
  }
  return SILENT.has(mediaType) ? null : BY_MEDIA_TYPE.get(mediaType);
}

/** The encoding of a body by its first character: XML and JSON begin with one that no tag does. */
export function encodingOfBytes(body: Uint8Array): MessageEncoding {
  switch (body.find((byte) => !BLANK.has(byte))) {
    case 0x3c:
      return XML_ENCODING;
    case 0x7b:
      return JSON_ENCODING;
    default:
      return TTLV_ENCODING;
  }
}

/** Spaces, line ends, and the byte order mark of UTF-8. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);

/** Zeroes TTLV that was made for a body; the body itself has another owner. */
export function wipeConverted(converted: Uint8Array, original: Uint8Array): void {
  if (converted !== original) {
    wipe(converted);
  }
}
