/** A word for a shell: as it is when harmless, else in single quotes. */
export function word(text: string | undefined, placeholder: string): string {
  if (text === undefined || text === "") {
    return placeholder;
  }

  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
