/** Conditions of a WHERE clause with their parameters, so that no value ever becomes part of the text. */
export type Conditions = {
  /** Adds a condition; each `?` of `sql` stands for one of `values`, in order. */
  add(sql: string, ...values: readonly unknown[]): void;
  /** Registers a value that stands elsewhere in the statement; answers its `$n`. */
  parameter(value: unknown): string;
  /** All conditions, joined by AND. */
  text(): string;
  readonly values: unknown[];
};

/**
 * Starts an empty set of conditions.
 * @param values parameters that the statement has already; those of the conditions follow
 */
export function conditions(values: unknown[] = []): Conditions {
  const parts: string[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;

  return {
    add(sql, ...given) {
      let next = 0;

      parts.push(`(${sql.replaceAll("?", () => parameter(given[next++]))})`);

      if (next !== given.length) {
        throw new TypeError("As many values as question marks are needed.");
      }
    },
    parameter,
    text: () => (parts.length === 0 ? "TRUE" : parts.join(" AND ")),
    values,
  };
}

/** A LIKE pattern that finds `text` anywhere; its own wildcards are taken literally. */
export function containsPattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}
