"use client";

import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Ban, Plus } from "lucide-react";
import { useNow, useTranslations } from "next-intl";
import { useMemo, useState } from "react";
import type { Column } from "@/components/data-table/data-table";
import { ResourceList } from "@/components/data-table/resource-list";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { useRoleReason } from "@/components/session/use-me";
import { StateBadge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Notice } from "@/components/ui/notice";
import { Time } from "@/components/ui/time";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { API_ROOT } from "@/lib/api/contract/operation";
import { query, resourceKey } from "@/lib/api/contract/query";
import { listTokens, revokeToken } from "@/lib/api/tokens/operations";
import type { ApiToken } from "@/lib/api/tokens/schemas";
import { CreateTokenDialog } from "./create-token";

const PER_PAGE = 50;

/** Tokens for automation. */
export function TokenList() {
  const t = useTranslations("tokens");
  const reason = useRoleReason()("administrator");
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiToken | null>(null);
  const list = useInfiniteQuery({
    ...query(listTokens, { limit: PER_PAGE }),
    enabled: reason === undefined,
  });
  const columns = useColumns(setRevoking);

  return (
    <>
      <ResourceList
        heading={{
          title: t("title"),
          description: t("description"),
          actions: (
            <>
              <Button asChild>
                <a href={`${API_ROOT}/openapi.json`}>{t("openapi")}</a>
              </Button>
              <Button variant="primary" disabledReason={reason} onClick={() => setCreating(true)}>
                <Plus aria-hidden="true" />
                {t("create")}
              </Button>
            </>
          ),
        }}
        instead={reason ? <Notice tone="warn">{t("needAdministrator")}</Notice> : undefined}
        list={list}
        paging={{ perPage: PER_PAGE, label: t("pages") }}
        skeletonRows={4}
        table={{ label: t("list"), columns, rowKey: (token) => token.id }}
        empty={<Empty title={t("empty.title")}>{t("empty.body")}</Empty>}
      />
      <CreateTokenDialog open={creating} onOpenChange={setCreating} />
      <RevokeTokenDialog token={revoking} onClose={() => setRevoking(null)} />
    </>
  );
}

function stateOf(token: ApiToken, now: Date): "active" | "expired" | "revoked" {
  if (token.revokedAt !== null) {
    return "revoked";
  }

  return token.expiresAt !== null && new Date(token.expiresAt) <= now ? "expired" : "active";
}

const TONES = { active: "ok", expired: "idle", revoked: "idle" } as const;
const SHAPES = { active: "ok", expired: "idle", revoked: "gone" } as const;

function useColumns(onRevoke: (token: ApiToken) => void): Column<ApiToken>[] {
  const t = useTranslations("tokens");
  const tRole = useTranslations("common.role");
  const now = useNow({ updateInterval: 60_000 });

  return useMemo(
    (): Column<ApiToken>[] => [
      {
        id: "name",
        header: t("column.name"),
        cell: ({ row: { original: token } }) => {
          const state = stateOf(token, now);

          return (
            <span className="flex flex-wrap items-center gap-2">
              <span className="font-medium">{token.name}</span>
              {state === "active" ? null : (
                <StateBadge tone={TONES[state]} shape={SHAPES[state]}>
                  {t(`state.${state}`)}
                </StateBadge>
              )}
            </span>
          );
        },
      },
      {
        id: "prefix",
        header: t("column.prefix"),
        meta: { className: "max-md:hidden" },
        cell: ({ row }) => <span className="font-mono text-code">{row.original.prefix}…</span>,
      },
      { id: "role", header: t("column.role"), cell: ({ row }) => tRole(row.original.role) },
      {
        id: "expires",
        header: t("column.expires"),
        meta: { className: "max-md:hidden whitespace-nowrap" },
        cell: ({ row: { original: token } }) =>
          token.expiresAt ? (
            <Time value={token.expiresAt} />
          ) : (
            <span className="text-muted">{t("neverExpires")}</span>
          ),
      },
      {
        id: "lastUsed",
        header: t("column.lastUsed"),
        meta: { className: "max-sm:hidden whitespace-nowrap" },
        cell: ({ row: { original: token } }) =>
          token.lastUsedAt ? (
            <Time value={token.lastUsedAt} />
          ) : (
            <span className="text-muted">{t("neverUsed")}</span>
          ),
      },
      {
        id: "created",
        header: t("column.created"),
        meta: { className: "max-lg:hidden whitespace-nowrap" },
        cell: ({ row }) => <Time value={row.original.createdAt} kind="date" />,
      },
      {
        id: "actions",
        header: t("revoke.menu"),
        meta: { className: "w-10 text-end", hiddenHeader: true },
        cell: ({ row: { original: token } }) =>
          stateOf(token, now) === "active" ? (
            <Button
              variant="ghost"
              size="icon-small"
              className="text-muted hover:text-bad-ink"
              aria-label={t("revoke.title", { name: token.name })}
              onClick={() => onRevoke(token)}
            >
              <Ban aria-hidden="true" />
            </Button>
          ) : null,
      },
    ],
    [t, tRole, now, onRevoke],
  );
}

function RevokeTokenDialog({ token, onClose }: Readonly<{ token: ApiToken | null; onClose: () => void }>) {
  const t = useTranslations("tokens.revoke");
  const toast = useToast();
  const queryClient = useQueryClient();
  const revoke = useMutation({
    mutationFn: (target: ApiToken) => call(revokeToken, { tokenId: target.id }),
    onSuccess: (_, target) => {
      toast({ title: t("done", { name: target.name }) });
      onClose();
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: resourceKey(listTokens) }),
  });
  const lastUsedAt = token?.lastUsedAt;

  return (
    <ConfirmDialog
      open={token !== null}
      onClose={onClose}
      title={t("title", { name: token?.name ?? "" })}
      description={t("body")}
      action={t("submit")}
      call={revoke}
      onConfirm={() => {
        if (token) {
          revoke.mutate(token);
        }
      }}
    >
      <p>
        {lastUsedAt
          ? t.rich("lastUsed", { when: () => <Time key="when" value={lastUsedAt} /> })
          : t("neverUsed")}
      </p>
    </ConfirmDialog>
  );
}
