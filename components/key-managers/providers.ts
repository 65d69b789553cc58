"use client";

import { useSuspenseQuery } from "@tanstack/react-query";
import { query } from "@/lib/api/contract/query";
import { listKeyManagers } from "@/lib/api/key-managers/operations";
import type { KeyManagerProvider } from "@/lib/api/key-managers/schemas";

/** A kind of key manager and what the console asks of it; kinds are never compared. */
export type Provider = KeyManagerProvider;

/** Kinds to choose among; there is one at least. */
export type Providers = readonly [Provider, ...Provider[]];

/** The kinds of key managers, in the order in which people see them; pages that need them have them from the server. */
export function useProviders(): Providers {
  // They change with the server alone: the page is another one then.
  const { data } = useSuspenseQuery({ ...query(listKeyManagers, {}), staleTime: Number.POSITIVE_INFINITY });
  const [first, ...others] = data.items;

  if (first === undefined) {
    throw new Error("The server has no kind of key manager.");
  }

  return [first, ...others];
}

/** The shortest API key or PIN that is worth sending. */
export function minLengthOf({ credential }: Provider): number {
  return credential.fields.find(({ name }) => name === "apiKey")?.minLength ?? 1;
}
