"use client";

import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { ProblemNotice } from "@/components/errors/problem";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { query, resourceKey } from "@/lib/api/contract/query";
import { deleteOtherSessions, deleteSession, listSessions } from "@/lib/api/me/operations";
import type { PersonSession } from "@/lib/api/me/schemas";
import { agentOf } from "./agent";

/** Where the person is signed in. */
export function SessionsPanel() {
  const t = useTranslations("profile.sessions");
  const toast = useToast();
  const queryClient = useQueryClient();
  const list = useInfiniteQuery(query(listSessions, { limit: 50 }));
  const sessions = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const refresh = () => queryClient.invalidateQueries({ queryKey: resourceKey(listSessions) });
  const endOne = useMutation({
    mutationFn: ({ id }: PersonSession) => call(deleteSession, { sessionId: id }),
    onSuccess: () => toast({ title: t("ended") }),
    onSettled: refresh,
  });
  const endOthers = useMutation({
    mutationFn: () => call(deleteOtherSessions, {}),
    onSuccess: () => toast({ title: t("endedOthers") }),
    onSettled: refresh,
  });
  const error = list.error ?? endOne.error ?? endOthers.error;

  return (
    <Panel
      flush
      title={t("title")}
      description={t("description")}
      actions={
        sessions.length > 1 ? (
          <Button pending={endOthers.isPending} onClick={() => endOthers.mutate()}>
            {t("endOthers")}
          </Button>
        ) : undefined
      }
    >
      {error ? <ProblemNotice error={error} className="m-4" /> : null}
      {list.isPending ? <Skeleton className="m-4 h-10" /> : null}
      <ul className="divide-y divide-line">
        {sessions.map((session) => (
          <SessionRow
            key={session.id}
            session={session}
            pending={endOne.isPending && endOne.variables.id === session.id}
            onEnd={() => endOne.mutate(session)}
          />
        ))}
      </ul>
    </Panel>
  );
}

function SessionRow({
  session,
  pending,
  onEnd,
}: Readonly<{ session: PersonSession; pending: boolean; onEnd: () => void }>) {
  const t = useTranslations("profile.sessions");
  const agent = agentOf(session.agent);
  const name =
    agent === null
      ? t("unknownAgent")
      : agent.system === null
        ? agent.browser
        : t("agent", { browser: agent.browser, system: agent.system });

  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-2">
          <span className="font-medium" title={session.agent ?? undefined}>
            {name}
          </span>
          {session.current ? <Badge>{t("current")}</Badge> : null}
        </p>
        <p className="break-anywhere mt-0.5 text-label text-muted">
          {session.address ? <span className="font-mono">{session.address} · </span> : null}
          {t.rich("times", {
            since: () => <Time value={session.createdAt} />,
            seen: () => <Time value={session.lastSeenAt} />,
          })}
        </p>
      </div>
      {session.current ? null : (
        <Button size="small" pending={pending} aria-label={t("endNamed", { name })} onClick={onEnd}>
          {t("end")}
        </Button>
      )}
    </li>
  );
}
