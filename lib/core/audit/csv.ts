/** Characters that make a spreadsheet take a cell for a formula, also behind white space (CWE-1236). */
const FORMULA = /^[\s\p{Cc}]*[=+\-@|%\uff0b\uff0d\uff1d\uff20]/u;

/**
 * One CSV cell (RFC 4180). What a spreadsheet would run as a formula gets an apostrophe in front, which shows it
 * as text.
 */
export function csvCell(value: string | number | null): string {
  if (value === null) {
    return "";
  }

  if (typeof value === "number") {
    return String(value);
  }

  const text = FORMULA.test(value) || /^[\t\r\n]/.test(value) ? `'${value}` : value;

  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One CSV record with its line end. */
export function csvLine(values: readonly (string | number | null)[]): string {
  return `${values.map(csvCell).join(",")}\r\n`;
}
