/**
 * Host and port of a base URL, for the audit; whatever else was typed may be a secret. Null where there is none, as of a
 * token.
 */
export function hostOf(endpoint: string | null | undefined): string | null {
  const text = endpoint?.trim() ?? "";

  if (text === "") {
    return null;
  }

  return URL.canParse(text) ? new URL(text).host || null : "(no address)";
}
