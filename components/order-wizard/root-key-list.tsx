"use client";

import { type UseInfiniteQueryResult, useInfiniteQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { RadioGroup } from "radix-ui";
import { SearchBox } from "@/components/data-table/search-box";
import { ProblemNotice } from "@/components/errors/problem";
import { type Shape, StateBadge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Select } from "@/components/ui/select";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import { call } from "@/lib/api/contract/call";
import { listRootKeys } from "@/lib/api/key-managers/operations";
import type { RootKey } from "@/lib/api/key-managers/schemas";
import { credentialsOf } from "./state";
import type { Wizard } from "./use-wizard";

const STATE_LOOK: Record<RootKey["state"], { tone: Tone; shape: Shape }> = {
  preActive: { tone: "idle", shape: "idle" },
  active: { tone: "ok", shape: "ok" },
  suspended: { tone: "bad", shape: "bad" },
  deactivated: { tone: "warn", shape: "warn" },
  destroyed: { tone: "idle", shape: "gone" },
};

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
  const { state, dispatch } = wizard;
  const { draft } = state;
  const keys = list.data?.pages.flatMap((page) => page.items) ?? [];
  const rings = list.data?.pages[0]?.keyRings ?? [];

  return (
    <>
      <div className="flex flex-wrap items-center gap-2 border-line border-b px-4 py-3">
        <SearchBox label={t("search")} value={search} onSearch={onSearch} className="min-w-40 flex-1" />
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
      </div>
      {list.isPending ? (
        <SkeletonRows rows={3} />
      ) : list.isError ? (
        <ProblemNotice error={list.error} className="m-4" />
      ) : keys.length === 0 ? (
        <Empty
          title={search || draft.keyRing ? t("noMatch") : t(draft.kind === "pkcs11" ? "tokenNone" : "none")}
          className="py-8"
          action={
            <Button size="small" pending={list.isFetching} onClick={() => void list.refetch()}>
              {t("again")}
            </Button>
          }
        >
          {search || draft.keyRing ? null : t(draft.kind === "pkcs11" ? "tokenNoneHint" : "noneHint")}
        </Empty>
      ) : (
        <RootKeyChoices
          keys={keys}
          chosen={draft.rootKey?.id ?? null}
          onChoose={(rootKey) => dispatch({ type: "rootKey", rootKey })}
          className={`max-h-80 ${list.isPlaceholderData ? "opacity-60" : ""}`}
        />
      )}
      <MoreRootKeys list={list} />
    </>
  );
}

/** Root keys to choose one of. */
export function RootKeyChoices<Key extends RootKey>({
  keys,
  chosen,
  onChoose,
  className,
}: Readonly<{
  keys: readonly Key[];
  chosen: string | null;
  onChoose: (key: Key) => void;
  className: string;
}>) {
  const t = useTranslations("wizard.rootKey");

  return (
    <RadioGroup.Root
      aria-label={t("list")}
      value={chosen}
      onValueChange={(id) => {
        const key = keys.find((each) => each.id === id);
        if (key) {
          onChoose(key);
        }
      }}
      className={`scroll-thin divide-y divide-line overflow-y-auto ${className}`}
    >
      {keys.map((key) => (
        <RootKeyRow key={key.id} rootKey={key} />
      ))}
    </RadioGroup.Root>
  );
}

/** Below a list of root keys that goes on. */
export function MoreRootKeys({
  list,
}: Readonly<{
  list: Pick<UseInfiniteQueryResult, "hasNextPage" | "isFetchingNextPage" | "fetchNextPage">;
}>) {
  const t = useTranslations("wizard.rootKey");

  return list.hasNextPage ? (
    <div className="border-line border-t px-4 py-2.5">
      <Button size="small" pending={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
        {t("more")}
      </Button>
    </div>
  ) : null;
}

/** One root key to choose, in a group of radio buttons. */
function RootKeyRow({ rootKey }: Readonly<{ rootKey: RootKey }>) {
  const t = useTranslations("wizard.rootKey");
  const tState = useTranslations("instances.crkState");

  return (
    <RadioGroup.Item
      value={rootKey.id}
      className="group/key flex w-full items-center gap-3 px-4 py-2 text-start hover:bg-hover focus-visible:-outline-offset-2 data-[state=checked]:bg-accent-soft"
    >
      <span
        aria-hidden="true"
        className="flex size-4 shrink-0 items-center justify-center rounded-full border border-field bg-panel group-data-[state=checked]/key:border-accent"
      >
        <RadioGroup.Indicator className="size-2 rounded-full bg-accent" />
      </span>
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium">{rootKey.name}</span>
        <span className="block break-anywhere text-label text-muted sm:truncate">
          <span className="font-mono">{rootKey.id}</span> · {rootKey.keyRing} ·{" "}
          {rootKey.lastRotatedAt
            ? t.rich("rotated", { when: () => <Time key="when" value={rootKey.lastRotatedAt ?? ""} /> })
            : // A token keeps no dates, but its versions are counted.
              rootKey.versions !== null && rootKey.versions > 1
              ? t("versions", { count: rootKey.versions })
              : t("neverRotated")}
        </span>
      </span>
      <StateBadge {...STATE_LOOK[rootKey.state]}>{tState(rootKey.state)}</StateBadge>
    </RadioGroup.Item>
  );
}
