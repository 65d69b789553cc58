/**
 * A reader of the little XML that KMIP messages need: elements and attributes, comments, an XML declaration. No
 * document types, hence no entities but the five of XML and character references; no text between elements, no
 * processing instructions. One pass, no backtracking.
 */
import { EncodingError } from "./errors";
import { DEFAULT_ENCODING_LIMITS, type EncodingLimits } from "./limits";

export type XmlElement = {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
};

type OpenElement = { name: string; attributes: ReadonlyMap<string, string>; children: XmlElement[] };

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

const NAME = /[A-Za-z_][A-Za-z0-9_.:-]{0,127}/y;
const SPACE = /[ \t\r\n]*/y;
const DECLARATION = /<\?xml[ \t\r\n][^<>?]{0,200}\?>/y;
const MAX_ATTRIBUTES = 16;
/** References in one value. Each costs more than the characters that it is written in. */
const MAX_REFERENCES = 65_536;

/** True for the code points that XML 1.0 lets a document hold (2.2). */
const isXmlCharacter = (code: number): boolean =>
  code === 0x9 ||
  code === 0xa ||
  code === 0xd ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  (code >= 0x10000 && code <= 0x10ffff);

/**
 * True if XML can hold a text: no control characters but tab and line ends, no halves of characters.
 */
export function isXmlText(text: string): boolean {
  for (const character of text) {
    if (!isXmlCharacter(character.codePointAt(0) ?? 0)) {
      return false;
    }
  }
  return true;
}

class Reader {
  readonly #text: string;
  readonly #limits: EncodingLimits;
  #at = 0;
  #elements = 0;

  constructor(text: string, limits: EncodingLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): XmlElement {
    if (this.#text.startsWith("\ufeff")) {
      this.#at = 1;
    }
    this.#match(DECLARATION);
    this.#blank();
    const stack: OpenElement[] = [];
    for (;;) {
      const finished = this.#step(stack);
      if (finished === null) {
        this.#blank();
        continue;
      }
      this.#blank();
      if (this.#at !== this.#text.length) {
        throw this.#error("something after the end");
      }
      return finished;
    }
  }

  /** Reads one tag; answers the outermost element once it ends. */
  #step(stack: OpenElement[]): XmlElement | null {
    const parent = stack.at(-1);
    if (parent !== undefined && this.#text.startsWith("</", this.#at)) {
      this.#at += 2;
      if (this.#match(NAME) !== parent.name) {
        throw this.#error("the wrong element ends");
      }
      this.#match(SPACE);
      this.#expect(">");
      stack.pop();
      return stack.length === 0 ? parent : null;
    }
    this.#expect("<");
    const name = this.#match(NAME);
    if (name === "") {
      throw this.#error("an element is expected");
    }
    this.#elements += 1;
    if (this.#elements > this.#limits.maxItems) {
      throw this.#error("too many elements");
    }
    const element: OpenElement = { name, attributes: this.#attributes(), children: [] };
    parent?.children.push(element);
    if (this.#text.startsWith("/>", this.#at)) {
      this.#at += 2;
      return parent === undefined ? element : null;
    }
    this.#expect(">");
    // One more than structures may nest: a value may be written with an end tag of its own.
    if (stack.length > this.#limits.maxDepth) {
      throw this.#error("nested too deeply");
    }
    stack.push(element);
    return null;
  }

  #attributes(): ReadonlyMap<string, string> {
    const attributes = new Map<string, string>();
    for (;;) {
      const space = this.#match(SPACE);
      const name = this.#match(NAME);
      if (name === "") {
        return attributes;
      }
      if (space === "") {
        throw this.#error("a space is expected");
      }
      this.#match(SPACE);
      this.#expect("=");
      this.#match(SPACE);
      if (attributes.has(name)) {
        throw this.#error("an attribute is given twice");
      }
      if (attributes.size >= MAX_ATTRIBUTES) {
        throw this.#error("too many attributes");
      }
      attributes.set(name, this.#quoted());
    }
  }

  #quoted(): string {
    const mark = this.#text[this.#at];
    if (mark !== '"' && mark !== "'") {
      throw this.#error("a quotation mark is expected");
    }
    const end = this.#text.indexOf(mark, this.#at + 1);
    if (end < 0) {
      throw this.#error("a value does not end");
    }
    const raw = this.#text.slice(this.#at + 1, end);
    if (raw.includes("<")) {
      throw this.#error("< in a value");
    }
    // Attribute-value normalisation (XML 1.0, 3.3.3): a line end or tab that is written as such is a space.
    const value = this.#references(raw.replace(/\r\n|[\r\n\t]/g, " "));
    if (!isXmlText(value)) {
      throw this.#error("a character that XML does not have");
    }
    this.#at = end + 1;
    return value;
  }

  #references(raw: string): string {
    if (!raw.includes("&")) {
      return raw;
    }
    const [first = "", ...parts] = raw.split("&", MAX_REFERENCES + 2);
    if (parts.length > MAX_REFERENCES) {
      throw this.#error("too many references");
    }
    const replaced = parts.map((part) => {
      const end = part.indexOf(";");
      const name = end < 0 || end > 8 ? "" : part.slice(0, end);
      return (ENTITIES.get(name) ?? this.#character(name)) + part.slice(end + 1);
    });
    return first + replaced.join("");
  }

  #character(name: string): string {
    const [, hexadecimal, decimal] = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(name) ?? [];
    const code = hexadecimal === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hexadecimal, 16);
    if (!isXmlCharacter(code)) {
      throw this.#error("an unknown entity");
    }
    return String.fromCodePoint(code);
  }

  /** Passes over spaces and comments. */
  #blank(): void {
    this.#match(SPACE);
    while (this.#text.startsWith("<!--", this.#at)) {
      const end = this.#text.indexOf("--", this.#at + 4);
      if (end < 0 || this.#text[end + 2] !== ">") {
        throw this.#error("a comment does not end");
      }
      this.#at = end + 3;
      this.#match(SPACE);
    }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) {
      throw this.#error(`${character} is expected`);
    }
    this.#at += 1;
  }

  #error(what: string): EncodingError {
    return new EncodingError(`XML, character ${this.#at}: ${what}`);
  }
}

/**
 * Reads one document and answers its outermost element.
 *
 * @throws EncodingError
 */
export function readXml(text: string, limits: EncodingLimits = DEFAULT_ENCODING_LIMITS): XmlElement {
  if (text.length > limits.maxCharacters) {
    throw new EncodingError("the text is too long");
  }
  return new Reader(text, limits).document();
}
