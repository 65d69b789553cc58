/**
 * Test cases in the XML encoding: a KMIP element that holds request and response messages by turns. Cases of the first
 * profiles, which were published as text, are around as files with a KmipTestCase element.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { readXml, type XmlElement } from "@/lib/kmip/encoding/xml-reader";

/** One request of a case and the response that the case expects. */
type Exchange = { readonly request: XmlElement; readonly response: XmlElement };

export type TestCase = {
  /** Name of the file without ".xml". */
  readonly name: string;
  /** Cases of one family (SASED-M-1, SASED-M-2 …) belong together: later ones find the objects of earlier ones. */
  readonly family: string;
  readonly exchanges: readonly Exchange[];
  /** True where dates of an answer are those of the day on which the case was written. */
  readonly datesAreOld: boolean;
};

/** Reads one case. @throws Error if the file is no test case */
export function parseCase(name: string, text: string): TestCase {
  const root = readXml(text);
  if (root.name !== "KMIP" && root.name !== FROM_TEXT) {
    throw new Error(`${name}: the outermost element is ${root.name}, not KMIP`);
  }
  const fromText = root.name === FROM_TEXT;
  const exchanges: Exchange[] = [];
  let request: XmlElement | null = null;
  for (const child of root.children) {
    const message = fromText ? onOneLine(child) : child;
    if (message.name === "RequestMessage" && request === null) {
      request = message;
    } else if (message.name === "ResponseMessage" && request !== null) {
      exchanges.push({ request, response: message });
      request = null;
    } else {
      throw new Error(`${name}: requests and responses do not take turns`);
    }
  }
  if (request !== null || exchanges.length === 0) {
    throw new Error(`${name}: a request has no response`);
  }
  return { name, family: familyOf(name), exchanges, datesAreOld: fromText };
}

/** The outermost element of a case that was taken out of a text. */
const FROM_TEXT = "KmipTestCase";

/** Between words a line end is a space; within the digits of bytes it is nothing. */
const joined = (value: string, type: string | undefined): string =>
  type === "ByteString" ? value.replace(/\s+/g, "") : value.trim().replace(/\s+/g, " ");

/** The element with the line ends taken out of its values that the text had put there: "Cryptographic   Usage Mask". */
function onOneLine({ name, attributes, children }: XmlElement): XmlElement {
  const values = [...attributes].map(([key, value]): [string, string] => [
    key,
    joined(value, attributes.get("type")),
  ]);
  return { name, attributes: new Map(values), children: children.map(onOneLine) };
}

/** "SASED-M" of "SASED-M-2-14", where the last number is the protocol version. */
const familyOf = (name: string): string => name.replace(/-\d+(?:-\d+)?$/, "");

/**
 * Reads all cases in a file or in a folder and the folders in it, in the order of their names with numbers by size.
 *
 * @throws Error if a file cannot be read or is no test case
 */
export function readCases(path: string): TestCase[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".xml"))
    : [""];
  return files
    .map((file) => join(path, file))
    .map((file) => parseCase(basename(file, ".xml"), readFileSync(file, "utf8")))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}
