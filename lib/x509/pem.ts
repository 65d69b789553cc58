/** PEM (RFC 7468) in the states that it reaches people in. It knows nothing of certificates. */

/** What an editor, a terminal or a program that is no friend of PEM puts between its characters. */
const INVISIBLE = /[\0\u200B-\u200D\u2060\uFEFF\uFFFD]/g;

/**
 * Text as its author meant it: without byte order marks and the NULs of UTF-16 that was read as something else, and with
 * the escapes of JSON, Terraform and YAML undone. PEM holds no backslash of its own.
 */
export function readableText(text: string): string {
  return (
    text
      .replace(INVISIBLE, "")
      // Escaped more than once. Also what keeps the patterns below from starting anew at each of a thousand.
      .replace(/\\+/g, "\\")
      .replace(/\\u00([2-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
      .replace(/\\r\\n|\\[nr]/g, "\n")
      .replace(/\\t/g, " ")
      .replace(/\\\//g, "/")
  );
}

/**
 * The text of a file: of one in UTF-16, which has a byte order mark, and of one that holds PEM. Null for anything else.
 */
export function fileText(bytes: Uint8Array): string | null {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) {
    return new TextDecoder("utf-16le").decode(bytes);
  }
  if (first === 0xfe && second === 0xff) {
    return new TextDecoder("utf-16be").decode(bytes);
  }

  // The NULs of UTF-16 without its mark are taken out by who reads the text.
  const text = new TextDecoder("utf-8").decode(bytes);

  return /-\0?B\0?E\0?G\0?I\0?N/i.test(text) ? text : null;
}

export type PemBlock = { readonly label: string; readonly body: string };

const BOUNDARY = /-----\s{0,9}(BEGIN|END)\s{1,9}([A-Z0-9 #]{1,60}?)\s{0,9}-----/gi;

/**
 * The base64 between BEGIN and END. Headers (RFC 1421 section 4.4) go; a blank line ends them, which some tools leave
 * out.
 */
function withoutHeaders(content: string): string {
  const lines = content.split(/\r\n|\r|\n/).map((line) => line.trim());
  const last = lines.findLastIndex((line) => line.includes(":"));
  if (last < 0) {
    return content;
  }

  const rest = lines.slice(last + 1);
  const blank = rest.indexOf("");
  const afterBlank = blank < 0 ? "" : rest.slice(blank + 1).join("\n");

  return afterBlank.trim() === "" ? rest.join("\n") : afterBlank;
}

/** The whole blocks of a text, in their order; labels in upper case. What stands around them is nobody's business. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: { readonly label: string; readonly start: number } | null = null;

  for (const match of text.matchAll(BOUNDARY)) {
    const [whole, side = "", words = ""] = match;
    const label = words.replace(/\s+/g, " ").toUpperCase();
    if (/^b/i.test(side)) {
      open = { label, start: match.index + whole.length };
    } else if (open?.label === label) {
      blocks.push({ label, body: withoutHeaders(text.slice(open.start, match.index)) });
      open = null;
    } else {
      open = null;
    }
  }

  return blocks;
}
