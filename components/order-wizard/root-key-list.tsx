"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useProviderWords } from "@/components/key-managers/words";
import { RootKeyPicker } from "@/components/root-key/root-key-picker";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Select } from "@/components/ui/select";
import { call } from "@/lib/api/contract/call";
import { listRootKeys } from "@/lib/api/key-managers/operations";
import { providerOf } from "./state";
import { credentialsOf } from "./steps";
import type { Wizard } from "./use-wizard";

/** Stands for every key ring; the name cannot be one's (IBM allows letters, digits, hyphens, underscores). */
const ALL_RINGS = "*";

/** Reads the root keys that the service ID can see, page by page. */
export function useRootKeys(wizard: Wizard, search: string) {
  const { draft, apiKey, found } = wizard.state;

  return useInfiniteQuery({
    // The API key selects what is seen, but must not stand in a cache key: the retrieval that it made does.
    queryKey: ["root-keys", draft.kind, draft.keyManager?.crn, draft.endpoint, draft.keyRing, search, found],
    queryFn: ({ pageParam, signal }) =>
      call(
        listRootKeys,
        {
          body: {
            kind: draft.kind,
            ...credentialsOf(wizard.state, wizard.instanceId),
            keyManagerCrn: draft.keyManager?.crn ?? "",
            endpoint: draft.endpoint.trim(),
            ...(draft.keyRing === null ? {} : { keyRing: draft.keyRing }),
            ...(search === "" ? {} : { search }),
            ...(pageParam === null ? {} : { cursor: pageParam }),
          },
        },
        { signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
    enabled: draft.keyManager !== null && (draft.authorization || apiKey !== ""),
    placeholderData: (previous) => previous,
    gcTime: 60_000,
    retry: false,
  });
}

/** Root keys of the chosen key manager: key ring, search, state, one to choose. */
export function RootKeyList({
  wizard,
  list,
  search,
  onSearch,
}: Readonly<{
  wizard: Wizard;
  list: ReturnType<typeof useRootKeys>;
  search: string;
  onSearch: (search: string) => void;
}>) {
  const t = useTranslations("wizard.rootKey");
  const words = useProviderWords();
  const { state, dispatch } = wizard;
  const provider = providerOf(state);
  const { draft } = state;
  const keys = list.data?.pages.flatMap((page) => page.items) ?? [];
  const rings = list.data?.pages[0]?.keyRings ?? [];

  return (
    <RootKeyPicker
      list={list}
      keys={keys}
      search={search}
      onSearch={onSearch}
      chosen={draft.rootKey?.id ?? null}
      onChoose={(rootKey) => dispatch({ type: "rootKey", rootKey })}
      className={`max-h-80 ${list.isPlaceholderData ? "opacity-60" : ""}`}
      beside={
        provider.choices.keyRing ? (
          <Select
            aria-label={t("keyRing")}
            value={draft.keyRing ?? ALL_RINGS}
            onValueChange={(ring) => dispatch({ type: "keyRing", keyRing: ring === ALL_RINGS ? null : ring })}
            options={[
              { value: ALL_RINGS, label: t("allKeyRings") },
              ...[...new Set([...rings, ...(draft.keyRing ? [draft.keyRing] : [])])].map((ring) => ({
                value: ring,
                label: ring,
              })),
            ]}
            className="w-44"
          />
        ) : null
      }
      empty={
        <Empty
          title={search || draft.keyRing ? t("noMatch") : words(provider, "rootKeyNone")}
          className="py-8"
          action={
            <Button size="small" pending={list.isFetching} onClick={() => void list.refetch()}>
              {t("again")}
            </Button>
          }
        >
          {search || draft.keyRing ? null : words(provider, "rootKeyNoneHint")}
        </Empty>
      }
    />
  );
}
