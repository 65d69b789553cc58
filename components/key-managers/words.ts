"use client";

import { useTranslations } from "next-intl";
import type { Messages } from "@/lib/i18n/messages";
import type { Provider } from "./providers";

type Tree = Messages["keyManagers"];
type Words<Blocks> = Blocks extends unknown ? keyof Blocks : never;

/** What can be said of a kind of key manager. */
export type ProviderWord =
  | Exclude<Words<Tree["kinds"][keyof Tree["kinds"]]>, "inConsole">
  | Words<Tree["credentials"][keyof Tree["credentials"]]>
  | keyof Tree["any"];

/**
 * Words of a kind of key manager: its own block of messages first, then what is said of every one with its sort of
 * credential, then of any. A new kind needs a block, and may do without.
 * @returns null where there are none
 */
export function useProviderWords(): (provider: Provider, word: ProviderWord) => string | null {
  const t = useTranslations("keyManagers");
  const names = useKindNames();

  return (provider, word) => {
    const { kind, credential, title } = provider;
    const key = [`kinds.${kind}.${word}`, `credentials.${credential.type}.${word}`, `any.${word}`]
      // All of them take the name of the kind, and most do without.
      .map((each) => each as "credentials.apiKey.instance")
      .find((each) => t.has(each));

    return key === undefined ? null : t(key, { kind: names(kind, title).title });
  };
}

/** Names of a kind in the reader's language; without words, its maker's name or the kind itself. */
export function useKindNames(): (kind: string, title?: string) => { title: string; short: string } {
  const t = useTranslations("keyManagers.kinds");

  return (kind, maker = kind) => {
    const known = kind as keyof Tree["kinds"];
    const title = t.has(`${known}.title`) ? t(`${known}.title`) : maker;

    return { title, short: t.has(`${known}.short`) ? t(`${known}.short`) : title };
  };
}

/** How an instance is authorized by hand in the maker's own console; null without words. */
export function useInConsoleWords(): (kind: string, instanceId: string) => string | null {
  const t = useTranslations("keyManagers.kinds");

  return (kind, instanceId) => {
    const key = `${kind}.inConsole` as "hpcs.inConsole";

    return t.has(key) ? t(key, { instanceId }) : null;
  };
}
