import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvCell, csvLine } from "./csv";

/** A strict reader of RFC 4180. */
function parseLine(line: string): string[] {
  const cells: string[] = [];
  let rest = line.replace(/\r\n$/, "");

  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(,|$)/.exec(rest);
    const plain = quoted ? null : /^([^",\r\n]*)(,|$)/.exec(rest);
    const match = quoted ?? plain;

    if (!match) {
      throw new Error(`not CSV: ${JSON.stringify(rest)}`);
    }

    cells.push(quoted ? (match[1] ?? "").replaceAll('""', '"') : (match[1] ?? ""));
    rest = rest.slice(match[0].length);

    if (match[2] === "") {
      return cells;
    }
  }
}

describe("CSV", () => {
  it("comes back as it went, but for the apostrophe before formulas", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 6 }), (values) => {
        const read = parseLine(csvLine(values));

        expect(read.map((cell, index) => (cell === `'${values[index]}` ? values[index] : cell))).toEqual(
          values,
        );
      }),
    );
  });

  it("never lets a spreadsheet start a formula", () => {
    const start = fc.constantFrom("=", "+", "-", "@", "\t=", "\r=", "\n@", " =", "|", "%", "＝", "＠");

    fc.assert(
      fc.property(start, fc.string(), (prefix, rest) => {
        const [cell] = parseLine(csvLine([`${prefix}${rest}`]));

        expect(cell?.startsWith("'")).toBe(true);
      }),
    );
    expect(csvCell('=HYPERLINK("http://x")')).toBe(`"'=HYPERLINK(""http://x"")"`);
  });

  it("leaves numbers and ordinary text alone", () => {
    expect(csvLine([1, null, "a", "a,b", 'say "x"', -5])).toBe('1,,a,"a,b","say ""x""",-5\r\n');
  });
});
