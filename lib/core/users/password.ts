import { randomBytes } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";

/** argon2id (the library's default variant) with the parameters that OWASP names first: 19 MiB, two passes. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** PHC string of a password. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, PARAMETERS);
}

let decoy: Promise<string> | undefined;

/**
 * Checks a password. Without a hash (unknown user, or one who only signs in by OIDC) the same work is done against a
 * decoy, so that the time of an answer does not tell which addresses have an account.
 */
export async function verifyPassword(passwordHash: string | null, password: string): Promise<boolean> {
  decoy ??= hashPassword(randomBytes(32).toString("base64"));

  const matches = await verify(passwordHash ?? (await decoy), password);

  return passwordHash !== null && matches;
}

/** Letters and digits without those that people mistake for each other: 57 of them, 20 characters, 116 bits. */
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/** A password for a first sign-in, in groups of five. */
export function generatePassword(): string {
  let text = "";
  while (text.length < 20) {
    for (const byte of randomBytes(32)) {
      // Bytes above the largest multiple would make the first letters likelier.
      if (byte < ALPHABET.length * 4 && text.length < 20) {
        text += ALPHABET[byte % ALPHABET.length] ?? "";
      }
    }
  }

  return text.replace(/(.{5})(?=.)/g, "$1-");
}
