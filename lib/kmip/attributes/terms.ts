/**
 * Search terms: the normal form of attribute values by which a store finds candidates of Locate.
 */
import { createHash } from "node:crypto";
import type { IndexTerm, StoredAttributes, StoredValue } from "../ports";
import { ruleNamed } from "./rules";
import { fieldOf } from "./values";
import { isVendorName } from "./vendor-names";

/** Longer values are kept as their SHA-256, so that a term fits any index. */
const MAX_PLAIN_LENGTH = 200;

/** The part of a value that is a term, or null if the attribute or the value has none. */
function termValue(name: string, value: StoredValue): string | null {
  const part = isVendorName(name) ? "value" : ruleNamed(name)?.term;
  if (part === undefined) {
    return null;
  }
  const indexed = part === "value" ? value : fieldOf(value, part);
  // Structures are compared field by field, as some fields may be left out of the question.
  if (indexed === null || indexed.t === "structure") {
    return null;
  }
  const plain = `${indexed.t}:${indexed.v}`;
  if (plain.length <= MAX_PLAIN_LENGTH) {
    return plain;
  }
  return `sha256:${createHash("sha256").update(plain).digest("hex")}`;
}

/** The term of one attribute value; null for attributes that are compared candidate by candidate. */
export function termOf(name: string, value: StoredValue): IndexTerm | null {
  const normal = termValue(name, value);
  return normal === null ? null : { name, value: normal };
}

/** All terms of an object's attributes, without repetition. */
export function termsOf(attributes: StoredAttributes): IndexTerm[] {
  const terms = new Map<string, IndexTerm>();
  for (const [name, instances] of Object.entries(attributes)) {
    for (const { v } of instances) {
      const term = termOf(name, v);
      if (term !== null) {
        terms.set(`${term.name}\0${term.value}`, term);
      }
    }
  }
  return [...terms.values()];
}
