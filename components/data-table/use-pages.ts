"use client";

import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import { useState } from "react";

type Page<Item> = { items: Item[]; nextCursor: string | null };

export type Pages<Item> = {
  items: Item[];
  /** From 1. */
  page: number;
  hasPrevious: boolean;
  hasNext: boolean;
  loadingNext: boolean;
  previous: () => void;
  next: () => void;
};

const NOTHING: never[] = [];

/**
 * Shows one page at a time of a list that is read by cursor. Pages that were read stay, so going back costs
 * nothing. `key` names the filters: when they change, the first page is shown.
 */
export function usePages<Item>(
  query: UseInfiniteQueryResult<InfiniteData<Page<Item>>>,
  key: string,
): Pages<Item> {
  const [place, setPlace] = useState({ key, index: 0 });
  const pages = query.data?.pages ?? NOTHING;
  const wanted = place.key === key ? place.index : 0;
  // A refetch may find fewer pages than there were.
  const index = Math.min(wanted, Math.max(0, pages.length - 1));

  return {
    items: pages[index]?.items ?? NOTHING,
    page: index + 1,
    hasPrevious: index > 0,
    hasNext: index + 1 < pages.length || query.hasNextPage,
    loadingNext: query.isFetchingNextPage,
    previous: () => setPlace({ key, index: Math.max(0, index - 1) }),
    next: () => {
      if (index + 1 >= pages.length) {
        void query.fetchNextPage();
      }
      setPlace({ key, index: index + 1 });
    },
  };
}
