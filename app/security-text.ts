const DAY_MS = 86_400_000;
/** RFC 9116 (2.5.5) advises less than a year. The text is written anew for each reader, so it never runs out. */
const VALID_DAYS = 90;

/**
 * The text of `/.well-known/security.txt` (RFC 9116). Whoever runs this copy names contacts of their own; without any
 * the text leads to a page of this console that says how to report, since nobody's address may be invented.
 */
export function securityText(
  { publicUrl, SECURITY_CONTACT }: { publicUrl: string; SECURITY_CONTACT: readonly string[] },
  now: Date,
): string {
  const policy = `${publicUrl}/security-contact.txt`;
  const contacts = SECURITY_CONTACT.length === 0 ? [policy] : SECURITY_CONTACT;
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;

  return [
    ...contacts.map((contact) => `Contact: ${contact}`),
    `Expires: ${new Date(today + VALID_DAYS * DAY_MS).toISOString().replace(".000", "")}`,
    `Policy: ${policy}`,
    "Preferred-Languages: en, zh",
    `Canonical: ${publicUrl}/.well-known/security.txt`,
    "",
  ].join("\n");
}
