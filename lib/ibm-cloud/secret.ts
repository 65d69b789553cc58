import { createHash } from "node:crypto";
import { inspect } from "node:util";

/**
 * A credential (API key, bearer token) that does not print: string conversion, JSON and console show
 * `[secret]`. Only `reveal` gives the text, at the one place where it goes on the wire.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The credential itself. Never put the result in a message, a log or a URL. */
  reveal(): string {
    return this.#text;
  }

  /** SHA-256 of the credential, lower-case hexadecimal: a key for maps, from which nobody gets the credential back. */
  fingerprint(): string {
    return createHash("sha256").update(this.#text).digest("hex");
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}

/** Wraps a text as a Secret; a Secret stays what it is. */
export function secret(text: string | Secret): Secret {
  return text instanceof Secret ? text : new Secret(text);
}
