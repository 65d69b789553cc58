/** A distinguished name on one line. Node separates its parts by line feeds, which logs replace by U+FFFD. */
export function oneLine(name: string): string {
  return name
    .split(/[\n\uFFFD]+/)
    .filter(Boolean)
    .join(", ");
}
