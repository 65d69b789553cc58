import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TextTemplate } from "./text-template";

describe("a template of a text", () => {
  it("is filled with other values of the same places", () => {
    const template = TextTemplate.of("<a1> says b2 to <a1>.", ["a1", "b2"], [2, 1]);

    expect(template?.fill(["a1", "b2"])).toBe("<a1> says b2 to <a1>.");
    expect(template?.fill(["someone", ""])).toBe("<someone> says  to <someone>.");
  });

  it("is not made where a value cannot be told apart", () => {
    expect(TextTemplate.of("a1 a1 a1", ["a1"], [2])).toBeNull();
    expect(TextTemplate.of("nothing", ["a1"], [1])).toBeNull();
    expect(TextTemplate.of("a1b2", ["a1b", "b2"], [1, 1])).toBeNull();
    expect(TextTemplate.of("aaa", ["aa"], [2])).toBeNull();
    expect(TextTemplate.of("text", [""], [1])).toBeNull();
  });

  it("makes of any values what would have been made of them at once", () => {
    const constant = fc.stringMatching(/^[ -~]{0,20}$/);
    const value = fc.uuid();

    fc.assert(
      fc.property(
        fc.array(constant, { minLength: 4, maxLength: 4 }),
        fc.tuple(value, value),
        fc.tuple(fc.string(), fc.string()),
        ([a = "", b = "", c = "", d = ""], first, second) => {
          fc.pre(first[0] !== first[1]);

          const make = ([x, y]: readonly [string, string]) => a + x + b + y + c + x + d;

          expect(TextTemplate.of(make(first), first, [2, 1])?.fill(second)).toBe(make(second));
        },
      ),
    );
  });
});
