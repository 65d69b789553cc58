import type { Messages } from "./messages";
import type { Translate } from "./translate";

type CauseCode = keyof Messages["errors"]["keyManager"]["cause"];

/** What a key manager means by its own code, and what to do; null for a code that nobody documents. */
export function keyManagerCause(
  t: Translate,
  code: string | null | undefined,
): { readonly cause: string; readonly remedy: string } | null {
  const known = code as CauseCode | null | undefined;

  return known && t.has(`errors.keyManager.cause.${known}`)
    ? { cause: t(`errors.keyManager.cause.${known}`), remedy: t(`errors.keyManager.remedy.${known}`) }
    : null;
}

/** The same in one sentence after the other, with the code by which it can be looked up. */
export function keyManagerSentence(t: Translate, code: string | null | undefined): string | null {
  const known = keyManagerCause(t, code);

  return known && `${known.cause} ${known.remedy} (${code})`;
}
