"use client";

import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { RadioGroup } from "radix-ui";
import type { ReactNode } from "react";
import { SearchBox } from "@/components/data-table/search-box";
import { ProblemNotice } from "@/components/errors/problem";
import { type Shape, StateBadge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import type { RootKey } from "@/lib/api/key-managers/schemas";

const STATE_LOOK: Record<RootKey["state"], { tone: Tone; shape: Shape }> = {
  preActive: { tone: "idle", shape: "idle" },
  active: { tone: "ok", shape: "ok" },
  suspended: { tone: "bad", shape: "bad" },
  deactivated: { tone: "warn", shape: "warn" },
  destroyed: { tone: "idle", shape: "gone" },
};

type List = Pick<
  UseInfiniteQueryResult,
  "isPending" | "isError" | "error" | "hasNextPage" | "isFetchingNextPage" | "fetchNextPage"
>;

/** Root keys of a key manager as they are read: search, state, one to choose, more of them. */
export function RootKeyPicker({
  list,
  keys,
  search,
  onSearch,
  chosen,
  onChoose,
  beside,
  empty,
  className,
}: Readonly<{
  list: List;
  keys: readonly RootKey[];
  search: string;
  onSearch: (search: string) => void;
  chosen: string | null;
  onChoose: (key: RootKey) => void;
  /** Stands beside the search. */
  beside?: ReactNode;
  /** What is said when there are none. */
  empty: ReactNode;
  className: string;
}>) {
  const t = useTranslations("wizard.rootKey");

  return (
    <>
      <div className="flex flex-wrap items-center gap-2 border-line border-b px-4 py-3">
        <SearchBox label={t("search")} value={search} onSearch={onSearch} className="min-w-40 flex-1" />
        {beside}
      </div>
      {list.isPending ? (
        <SkeletonRows rows={3} />
      ) : list.isError ? (
        <ProblemNotice error={list.error} className="m-4" />
      ) : keys.length === 0 ? (
        empty
      ) : (
        <RootKeyChoices keys={keys} chosen={chosen} onChoose={onChoose} className={className} />
      )}
      {list.hasNextPage ? (
        <div className="border-line border-t px-4 py-2.5">
          <Button size="small" pending={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t("more")}
          </Button>
        </div>
      ) : null}
    </>
  );
}

function RootKeyChoices({
  keys,
  chosen,
  onChoose,
  className,
}: Readonly<{
  keys: readonly RootKey[];
  chosen: string | null;
  onChoose: (key: RootKey) => void;
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
