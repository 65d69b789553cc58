import { toWireDate } from "../clock";
import type { SandboxResponse } from "../http/types";
import type { KeyRecord } from "../store/model";
import { booleanQuery, collection, type KmsCall, mediaTypes, pageQuery } from "./call";
import { kmsError } from "./errors";
import { keyView, stateAt } from "./key-view";
import { accessibleRings } from "./rings";

const DEFAULT_LIMIT = 200;
const MAX_LIMIT = 5000;
/** More keys than these are not searched, unless the text is an identifier or alias. */
const MAX_SEARCHED = 5000;
/** States in a list that asks for none: all but destroyed. */
const DEFAULT_STATES: readonly number[] = [0, 1, 2, 3];

type Predicate = (key: KeyRecord) => boolean;

function badQuery(message: string): Error {
  return kmsError("INVALID_QUERY_PARAM_ERR", { what: "Keys could not be listed", message });
}

function parseStates(text: string, name: string): number[] {
  if (!/^[0-5](,[0-5])*$/.test(text)) {
    throw badQuery(`\`${name}\` is a list of states from 0 to 5.`);
  }

  return text.split(",").map(Number);
}

const dateFields = {
  creationDate: "createdAt",
  expirationDate: "expiresAt",
  lastRotateDate: "rotatedAt",
  deletionDate: "deletedAt",
  lastUpdateDate: "updatedAt",
} as const satisfies Record<string, keyof KeyRecord>;

type DateField = keyof typeof dateFields;

function isDateField(name: string): name is DateField {
  return Object.hasOwn(dateFields, name);
}

const comparisons: Readonly<Record<string, (actual: number, wanted: number) => boolean>> = {
  gt: (actual, wanted) => actual > wanted,
  gte: (actual, wanted) => actual >= wanted,
  lt: (actual, wanted) => actual < wanted,
  lte: (actual, wanted) => actual <= wanted,
};

/**
 * Reads the `filter` query as IBM's Go client writes it: terms separated by spaces, `state=1,2`,
 * `extractable=true`, `creationDate=gte:"2026-01-02T03:04:05Z"`.
 */
function parseFilter(text: string, now: number): Predicate[] {
  return text
    .trim()
    .split(/\s+/)
    .map((term) => {
      const [, name = "", operator, quoted = ""] = /^(\w+)=(?:(gte?|lte?):)?(.+)$/.exec(term) ?? [];
      const value = quoted.replace(/^"(.*)"$/, "$1");
      if (name === "state" && operator === undefined) {
        const states = parseStates(value, "filter");
        return (key: KeyRecord) => states.includes(stateAt(key, now));
      }
      if (name === "extractable" && (value === "true" || value === "false")) {
        return (key: KeyRecord) => key.extractable === (value === "true");
      }
      const wanted = Date.parse(value);
      if (!isDateField(name) || Number.isNaN(wanted)) {
        throw badQuery(`\`filter\` has a term that is not known.`);
      }
      const compare = comparisons[operator ?? ""] ?? ((a: number, b: number) => a === b);
      return (key: KeyRecord) => {
        const actual = key[dateFields[name]];
        return actual !== undefined && compare(Date.parse(toWireDate(actual)), wanted);
      };
    });
}

interface Search {
  text: string;
  matches: Predicate;
}

/**
 * Reads the `search` query: `[not:][escape:][exact:][alias:|name:]text`. Without a scope both names and aliases
 * are searched; several scopes are joined by OR. Substrings are found in any case, exact text only as it is.
 */
function parseSearch(query: string): Search {
  // IBM's Go client puts a comma at the end.
  let rest = query.replace(/,$/, "");
  const scopes = new Set<"alias" | "name">();
  let exact = false;
  let not = false;
  for (;;) {
    const prefix = /^(not|escape|exact|alias|name):/.exec(rest)?.[1];
    // `not:` turns the search around only as its first word: `exact:not:x` looks for "not:x".
    if (prefix === undefined || (prefix === "not" && (exact || scopes.size > 0))) {
      break;
    }
    rest = rest.slice(prefix.length + 1);
    if (prefix === "escape") {
      break;
    }
    if (prefix === "not") {
      not = true;
    }
    if (prefix === "exact") {
      exact = true;
    }
    if (prefix === "alias" || prefix === "name") {
      scopes.add(prefix);
    }
  }
  const text = rest;
  if (text === "") {
    throw badQuery("`search` has no text.");
  }
  const lower = text.toLowerCase();
  const fits = (value: string): boolean => (exact ? value === text : value.toLowerCase().includes(lower));
  const inScope = (scope: "alias" | "name"): boolean => scopes.size === 0 || scopes.has(scope);
  const found: Predicate = (key) =>
    (inScope("name") && fits(key.name)) || (inScope("alias") && key.aliases.some(({ alias }) => fits(alias)));

  return { text, matches: (key) => found(key) !== not };
}

function searchKeys(keys: readonly KeyRecord[], query: string): KeyRecord[] {
  const search = parseSearch(query);
  if (keys.length <= MAX_SEARCHED) {
    return keys.filter(search.matches);
  }
  const named = keys.filter(
    (key) => key.id === search.text || key.aliases.some(({ alias }) => alias === search.text),
  );
  if (named.length > 0) {
    return named;
  }
  throw badQuery(`\`search\` covers at most ${MAX_SEARCHED} keys; narrow the list with other parameters.`);
}

const sortFields: Readonly<Record<string, (key: KeyRecord, now: number) => string | number>> = {
  id: (key) => key.id,
  state: (key, now) => stateAt(key, now),
  extractable: (key) => Number(key.extractable),
  imported: (key) => Number(key.imported),
  creationDate: (key) => key.createdAt,
  lastUpdateDate: (key) => key.updatedAt,
  lastRotateDate: (key) => key.rotatedAt ?? "",
  deletionDate: (key) => key.deletedAt ?? "",
  expirationDate: (key) => key.expiresAt ?? "",
};

function sortKeys(keys: readonly KeyRecord[], query: string, now: number): KeyRecord[] {
  const orders = query.split(",").map((part) => {
    const descending = part.startsWith("-");
    const value = sortFields[descending ? part.slice(1) : part];
    if (!value) {
      throw badQuery("`sort` has a field that is not known.");
    }
    return { value, sign: descending ? -1 : 1 };
  });

  return keys.toSorted((a, b) => {
    for (const { value, sign } of orders) {
      const [left, right] = [value(a, now), value(b, now)];
      if (left !== right) {
        return left < right ? -sign : sign;
      }
    }
    return 0;
  });
}

/** The keys that the query and the ring header choose, of those that the caller may see; oldest first. */
function chosenKeys(call: KmsCall, action: "secrets.list" | "secrets.head"): KeyRecord[] {
  const { query } = call.request;
  const now = call.context.clock.now();
  const rings = accessibleRings(call, action);
  const stateText = query.getAll("state").join(",");
  const filterText = query.get("filter") ?? "";
  const filters = filterText === "" ? [] : parseFilter(filterText, now);
  // A filter on states takes the place of the usual ones.
  const states =
    stateText === ""
      ? /(^|\s)state=/.test(filterText)
        ? undefined
        : DEFAULT_STATES
      : parseStates(stateText, "state");
  const extractable = booleanQuery(call, "extractable");

  return [...call.context.store.keysOf(call.instance.guid).values()].filter(
    (key) =>
      rings.has(key.keyRingId) &&
      (states === undefined || states.includes(stateAt(key, now))) &&
      (extractable === undefined || key.extractable === extractable) &&
      filters.every((matches) => matches(key)),
  );
}

/** `GET /keys`: a page of keys without their material. */
export function listKeys(call: KmsCall): SandboxResponse {
  const { query } = call.request;
  const now = call.context.clock.now();
  let keys = chosenKeys(call, "secrets.list");
  const { limit, offset } = pageQuery(call, { fallback: DEFAULT_LIMIT, maximum: MAX_LIMIT });
  const search = query.get("search");
  if (search) {
    keys = searchKeys(keys, search);
  }
  const sort = query.get("sort");
  if (sort) {
    keys = sortKeys(keys, sort, now);
  }

  return collection(
    200,
    mediaTypes.key,
    keys.slice(offset, offset + limit).map((key) => keyView(call.instance, key, now)),
  );
}

/** `HEAD /keys`: the number of keys in the header `Key-Total`. */
export function countKeys(call: KmsCall): SandboxResponse {
  return { status: 200, headers: { "key-total": String(chosenKeys(call, "secrets.head").length) } };
}
