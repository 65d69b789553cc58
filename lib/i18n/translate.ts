import type { createTranslator } from "next-intl";
import type { Messages } from "./messages";

/** All messages of one language: `useTranslations()` in the console, `createTranslator` on the server. */
export type Translate = ReturnType<typeof createTranslator<Messages>>;

export type MessageKey = Parameters<Translate["has"]>[0];

/** A message in which what is not known is left empty, so that its sentence still stands. */
export function fill(
  t: Translate,
  key: MessageKey,
  values: { readonly [name: string]: string | number | undefined },
): string {
  const named = [...String(t.raw(key)).matchAll(/\{(\w+)[,}]/g)].map(([, name = ""]) => name);

  return t(key, Object.fromEntries(named.map((name) => [name, values[name] ?? ""]))).trim();
}
