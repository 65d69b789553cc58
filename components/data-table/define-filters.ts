import { createLoader, type inferParserType, type ParserMap } from "nuqs/server";

type Options<Name> = {
  /** What stands in the URL with the filters and narrows nothing: the order, the time range. */
  beside?: readonly Name[];
};

/**
 * The filters of a list as they stand in the URL, declared once for the server (`load`) and the browser
 * (`useFilters`).
 * @param parsers one of nuqs for each name; a text that is no value of it counts as absent
 */
export function defineFilters<Parsers extends ParserMap>(
  parsers: Parsers,
  { beside = [] }: Options<keyof Parsers> = {},
) {
  const names = Object.keys(parsers) as (keyof Parsers)[];
  const narrowing = names.filter((name) => !beside.includes(name));

  return {
    parsers,
    /** The filters that "Clear filters" takes away. */
    narrowing,
    /** Reads them from the address of a request. */
    load: createLoader(parsers),
    /** True when something narrows the list. */
    isFiltered: (values: inferParserType<Parsers>): boolean =>
      narrowing.some((name) => Boolean(values[name])),
  };
}

export type FilterValues<Definition> = Definition extends { parsers: infer Parsers extends ParserMap }
  ? inferParserType<Parsers>
  : never;
