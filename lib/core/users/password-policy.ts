import { AppError } from "../errors";

/** Why a password is not taken. The console words the codes; the reasons are the API's English. */
const REASONS = {
  PASSWORD_TOO_SHORT: "is shorter than 12 characters",
  PASSWORD_TOO_LONG: "is longer than 200 characters",
  PASSWORD_REPEATED: "repeats the same few characters",
  PASSWORD_SEQUENCE: "is a row of the alphabet, of digits or of the keyboard",
  PASSWORD_COMMON: "is one that many people use",
  PASSWORD_PERSONAL: "contains the email address or the name",
} as const;

export type PasswordWeakness = keyof typeof REASONS;

const MIN_LENGTH = 12;
const MAX_LENGTH = 200;
const MIN_DISTINCT = 5;
/** Parts of an address or a name that are shorter say nothing. */
const MIN_PERSONAL = 4;

/** What common passwords are made of, once figures, signs and the usual substitutions are taken away. */
const COMMON_WORDS =
  "abc access account admin administrator admins adminuser asdf asdfgh azerty baseball basketball batman charlie changeit " +
  "changeme cheese chocolate computer console correct default demo donald dragon enter example flower football freedom " +
  "github god guest hallo hello hockey hunter iloveyou internet jesus jordan key keymanager killer kmip kmipconsole " +
  "kmipserver letmein login lovely loveme manager master michael microsoft minecraft monkey mustang mynoob network ninja " +
  "nothing oracle pass passphrase passw password passwords passwort pokemon princess private purple qazwsx qwer qwert " +
  "qwerty qwertyuiop qwertz root samsung secret server shadow soccer starwars summer winter spring autumn sunshine super " +
  "superman support system temp temporary test tester testing trustno tiger user username vcenter vmware vsphere welcome " +
  "whatever whoami windows wordpass zxcvbn zxcvbnm mima woaini";

const COMMON = new Set(COMMON_WORDS.split(" "));
const ROWS = [
  "abcdefghijklmnopqrstuvwxyz",
  "01234567890123456789",
  "qwertyuiopasdfghjklzxcvbnm",
  "qwertzuiopasdfghjklyxcvbnm",
  "azertyuiopqsdfghjklmwxcvbn",
  "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
  "1q2w3e4r5t6y7u8i9o0p",
];
const SUBSTITUTES: Readonly<Record<string, string>> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "8": "b",
  "@": "a",
  $: "s",
  "!": "i",
};

const lettersOf = (text: string): string => text.replace(/[^\p{L}]/gu, "");

function isRepeated(text: string): boolean {
  return new Set(text).size < MIN_DISTINCT || /^(.{1,6}?)\1+.{0,5}$/su.test(text);
}

/** True when at least two thirds of it are one row, in either direction. */
function isRow(text: string): boolean {
  const needed = Math.ceil((text.length * 2) / 3);
  const rows = ROWS.flatMap((row) => [row, [...row].reverse().join("")]);

  for (let start = 0; start + needed <= text.length; start += 1) {
    const part = text.slice(start, start + needed);

    if (rows.some((row) => row.includes(part))) {
      return true;
    }
  }

  return false;
}

/** True when nothing but words of the list is left of the letters. */
function isCommonWords(letters: string): boolean {
  // Where each word may end: a password of twelve characters and more is rarely a single one.
  const ends = new Set([0]);

  for (let at = 0; at < letters.length; at += 1) {
    for (let length = 3; ends.has(at) && at + length <= letters.length && length <= 16; length += 1) {
      if (COMMON.has(letters.slice(at, at + length))) {
        ends.add(at + length);
      }
    }
  }

  return letters.length > 0 && ends.has(letters.length);
}

function isCommon(text: string): boolean {
  // Figures and signs at the end are figures and signs; in the middle they may stand for letters.
  const core = text.replace(/[^\p{L}]+$/u, "").replace(/^[^\p{L}]+/u, "");
  const substituted = [...core].map((char) => SUBSTITUTES[char] ?? char).join("");
  const whole = [...text].map((char) => SUBSTITUTES[char] ?? char).join("");

  return [core, substituted, whole].some((candidate) => isCommonWords(lettersOf(candidate)));
}

function isPersonal(
  text: string,
  person: { readonly email: string; readonly name?: string | null },
): boolean {
  const email = person.email.toLowerCase();
  const parts = [email, email.split("@")[0] ?? "", ...(person.name ?? "").toLowerCase().split(/\s+/)];
  const rest = parts
    .filter((part) => part.length >= MIN_PERSONAL)
    .reduce((left, part) => left.replaceAll(part, ""), text);

  // A name in a long sentence does no harm: what is left has to be a password by itself.
  return text.includes(email) || (rest !== text && rest.length < MIN_LENGTH);
}

/**
 * What is wrong with a password that somebody chooses, or null. What many people use is tried first by whoever guesses.
 * @param person whose it is to be
 */
export function passwordWeakness(
  password: string,
  person: { readonly email: string; readonly name?: string | null },
): PasswordWeakness | null {
  const text = password.normalize("NFKC").toLowerCase();
  const length = [...password].length;

  if (length < MIN_LENGTH) {
    return "PASSWORD_TOO_SHORT";
  }

  if (length > MAX_LENGTH) {
    return "PASSWORD_TOO_LONG";
  }

  if (isPersonal(text, person)) {
    return "PASSWORD_PERSONAL";
  }

  if (isRepeated(text)) {
    return "PASSWORD_REPEATED";
  }

  if (isRow(text)) {
    return "PASSWORD_SEQUENCE";
  }

  return isCommon(text) ? "PASSWORD_COMMON" : null;
}

/** @throws AppError VALIDATION_FAILED for a password that others would guess */
export function requireGoodPassword(
  password: string,
  person: { readonly email: string; readonly name?: string | null },
  field = "password",
): void {
  const code = passwordWeakness(password, person);

  if (code !== null) {
    const reason = REASONS[code];

    throw new AppError("VALIDATION_FAILED", `This password is not taken: it ${reason}.`, {
      invalidParams: [{ name: field, code, reason }],
    });
  }
}
