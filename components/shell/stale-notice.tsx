"use client";

import { type QueryCache, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useCallback, useSyncExternalStore } from "react";
import { useProblemWords } from "@/components/errors/problem";
import { isPassing } from "@/components/session/query-client";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Time } from "@/components/ui/time";

/** Of what the page shows and could not read again, that which was read first. */
function oldestStale(cache: QueryCache) {
  return (
    cache
      .findAll({ type: "active" })
      .filter(({ state }) => state.status === "error" && state.data !== undefined && isPassing(state.error))
      .sort((a, b) => a.state.dataUpdatedAt - b.state.dataUpdatedAt)[0] ?? null
  );
}

/** Says that the page is old while its data cannot be read again: a state that was true is no state that is. */
export function StaleNotice() {
  const t = useTranslations("shell.stale");
  const tCommon = useTranslations("common");
  const client = useQueryClient();
  const words = useProblemWords();
  const subscribe = useCallback(
    (listener: () => void) => client.getQueryCache().subscribe(listener),
    [client],
  );
  const stale = useSyncExternalStore(
    subscribe,
    () => oldestStale(client.getQueryCache()),
    () => null,
  );

  if (stale === null) {
    return null;
  }

  const { dataUpdatedAt, error } = stale.state;

  return (
    <Notice
      tone="warn"
      live
      title={t("title")}
      className="sticky top-15 z-[6] mb-4"
      actions={
        <Button size="small" onClick={() => void client.refetchQueries({ type: "active" })}>
          {tCommon("retry")}
        </Button>
      }
    >
      {t.rich("body", {
        when: () => <Time key="when" value={new Date(dataUpdatedAt).toISOString()} />,
        reason: words(error).title,
      })}
    </Notice>
  );
}
