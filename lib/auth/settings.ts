import { deriveKey } from "@/lib/core/secrets";
import { env } from "@/lib/env";

/** True when browsers reach the console over TLS: cookies are then never sent without it. */
export function secureCookies(): boolean {
  return env().publicUrl.startsWith("https:");
}

/**
 * Name of a cookie. Browsers do not tell ports of one host apart, so a console on another port than the usual one
 * has cookies of its own.
 */
export function cookieName(what: string): string {
  const { port } = new URL(env().publicUrl);

  return `${secureCookies() ? "__Host-" : ""}kmip-console${port === "" ? "" : `-${port}`}.${what}`;
}

/** The key that session cookies are encrypted with; all web processes derive the same one. */
export function sessionSecret(): string {
  return deriveKey("next-auth").toString("base64");
}
