/** Variables of test cases: `$NOW`, `$NOW-3600`, and names such as `$UNIQUE_IDENTIFIER_0` that a response gives a value. */
import type { XmlElement } from "@/lib/kmip/encoding/xml-reader";

const VARIABLE = /^\$[A-Z][A-Z0-9_]*$/;
const NOW = /^\$NOW(?:([+-])(\d{1,12}))?$/;

/** A value that is a variable, not a text: `$NOW` has dates of its own. */
export const isVariable = (value: string): boolean => VARIABLE.test(value) && !NOW.test(value);

/** Seconds from now for `$NOW`, `$NOW-3600`, `$NOW+60`; null for anything else. */
export function secondsFromNow(value: string): bigint | null {
  const match = NOW.exec(value);
  if (match === null) {
    return null;
  }
  const offset = BigInt(match[2] ?? "0");
  return match[1] === "-" ? -offset : offset;
}

/** Values of variables, as the text of the XML encoding. */
export class Variables {
  readonly #values = new Map<string, string>();
  readonly #answers = new Map<string, string>();

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Keeps the value that a field had in the last response, for variables that no response names. */
  noteAnswer(field: string, value: string): void {
    this.#answers.set(field.toUpperCase(), value);
  }

  bind(name: string, value: string): void {
    this.#values.set(name, value);
  }

  /**
   * An element with the values of variables in their places.
   *
   * @throws Error for a variable without a value
   */
  fill(element: XmlElement): XmlElement {
    const value = element.attributes.get("value");
    const attributes =
      value === undefined
        ? element.attributes
        : new Map(element.attributes).set("value", this.#fillValue(value));
    return { name: element.name, attributes, children: element.children.map((child) => this.fill(child)) };
  }

  #fillValue(value: string): string {
    const offset = secondsFromNow(value);
    if (offset !== null) {
      return new Date(Math.floor(Date.now() / 1000 + Number(offset)) * 1000).toISOString();
    }
    if (!isVariable(value)) {
      return value;
    }
    const bound = this.#values.get(value) ?? this.#answers.get(value.replace(/_\d+$|[$_]/g, ""));
    if (bound === undefined) {
      throw new Error(`${value} has no value yet`);
    }
    return bound;
  }
}
