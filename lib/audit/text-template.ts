/** A text with places for what differs from one to the next: made from a whole text, filled by joining strings. */
export class TextTemplate {
  /** What stands before each place, and after the last. */
  readonly #constants: readonly string[];
  /** Which value each place takes. */
  readonly #places: readonly number[];

  private constructor(constants: readonly string[], places: readonly number[]) {
    this.#constants = constants;
    this.#places = places;
  }

  /**
   * Makes a template of a text that was made of values.
   * @param times how often each value stands in the text
   * @returns null when a value stands there more or less often, or where another does: then it cannot be told apart
   */
  static of(text: string, values: readonly string[], times: readonly number[]): TextTemplate | null {
    const found: { readonly at: number; readonly end: number; readonly place: number }[] = [];

    for (const [place, value] of values.entries()) {
      const before = found.length;

      if (value === "") {
        return null;
      }

      for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + 1)) {
        found.push({ at, end: at + value.length, place });
      }

      if (found.length - before !== times[place]) {
        return null;
      }
    }

    found.sort((a, b) => a.at - b.at);

    const constants: string[] = [];
    let end = 0;

    for (const each of found) {
      if (each.at < end) {
        return null;
      }

      constants.push(text.slice(end, each.at));
      end = each.end;
    }

    constants.push(text.slice(end));

    return new TextTemplate(
      constants,
      found.map(({ place }) => place),
    );
  }

  fill(values: readonly string[]): string {
    let text = "";
    let at = 0;

    for (const place of this.#places) {
      text += (this.#constants[at] ?? "") + (values[place] ?? "");
      at += 1;
    }

    return text + (this.#constants[at] ?? "");
  }
}
