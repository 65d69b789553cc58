"use client";

import { Copy, Eye, MoreHorizontal, RotateCcw, ScrollText, ShieldOff, Trash2 } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useTranslations } from "next-intl";
import { useMemo } from "react";
import type { Column } from "@/components/data-table/data-table";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy";
import { Menu, MenuItem, MenuSeparator } from "@/components/ui/menu";
import { Time } from "@/components/ui/time";
import type { Kek } from "@/lib/api/keks/schemas";
import type { OnKekAction } from "./actions";
import { DEFAULT_SORT, type Sort } from "./filters";
import { labelOf } from "./label";
import { SelectBox } from "./select-box";
import { isDestroyed, KekStateBadge } from "./state";
import { useKekRoute } from "./use-kek-route";

type Options = {
  instanceId: string;
  currentVersion: string | null;
  sort: Sort;
  onSort: (sort: Sort) => void;
  onVersion: (version: string) => void;
  onAct: OnKekAction;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
};

/** Columns of the KEK table. Selecting is for administrators: only they may revoke many at once. */
export function useKekColumns(options: Options): Column<Kek>[] {
  const { instanceId, currentVersion, sort, onSort, onVersion, onAct, selected, onSelect } = options;
  const t = useTranslations("keks");
  const maySelect = useRoleReason()("administrator") === undefined;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the callbacks only set state; new columns each render would rebuild the table
  return useMemo((): Column<Kek>[] => {
    const ascending = (by: Sort) => ({
      direction: sort === by ? ("ascending" as const) : null,
      onToggle: () => onSort(sort === by ? DEFAULT_SORT : by),
    });

    return [
      ...(maySelect ? [selectColumn({ selected, onSelect })] : []),
      {
        id: "identifier",
        header: t("column.identifier"),
        cell: ({ row }) => <Identifier instanceId={instanceId} kek={row.original} />,
      },
      { id: "state", header: t("column.state"), cell: ({ row }) => <KekStateBadge kek={row.original} /> },
      {
        id: "label",
        header: t("column.label"),
        meta: { className: "max-md:hidden w-full max-w-0", sort: ascending("name") },
        cell: ({ row }) => <Label kek={row.original} />,
      },
      {
        id: "crk",
        header: t("column.crk"),
        meta: { className: "max-[1400px]:hidden" },
        cell: ({ row }) => (
          <RootKeyVersion kek={row.original} currentVersion={currentVersion} onVersion={onVersion} />
        ),
      },
      {
        id: "created",
        header: t("column.created"),
        meta: {
          className: "max-lg:hidden whitespace-nowrap",
          sort:
            sort === "-createdAt"
              ? { direction: "descending", onToggle: () => onSort("createdAt") }
              : { ...ascending("createdAt"), onToggle: () => onSort("-createdAt") },
        },
        cell: ({ row }) => <Time value={row.original.createdAt} kind="date" />,
      },
      {
        id: "served",
        header: t("column.served"),
        meta: { className: "max-sm:hidden whitespace-nowrap", sort: ascending("lastServedAt") },
        cell: ({ row }) => <LastServed kek={row.original} />,
      },
      {
        id: "client",
        header: t("column.client"),
        meta: { className: "max-[1400px]:hidden max-w-36" },
        cell: ({ row: { original: kek } }) => (
          <span className="block truncate" title={kek.lastServedTo?.address ?? undefined}>
            {kek.lastServedTo?.name ?? kek.createdByCertificate?.name}
          </span>
        ),
      },
      {
        id: "actions",
        header: t("column.identifier"),
        meta: { className: "w-10 text-end", hiddenHeader: true },
        cell: ({ row }) => <RowMenu instanceId={instanceId} kek={row.original} onAct={onAct} />,
      },
    ];
  }, [t, instanceId, currentVersion, sort, selected, maySelect]);
}

type Selection = Readonly<Pick<Options, "selected" | "onSelect">>;

function selectColumn(selection: Selection): Column<Kek> {
  return {
    id: "select",
    header: ({ table }) => (
      <SelectAll rows={table.getRowModel().rows.map((row) => row.original)} {...selection} />
    ),
    meta: { className: "w-6 pe-0! max-lg:hidden" },
    cell: ({ row: { original: kek } }) =>
      isDestroyed(kek.state) ? null : <SelectOne kek={kek} {...selection} />,
  };
}

function SelectOne({ kek, selected, onSelect }: Selection & Readonly<{ kek: Kek }>) {
  const t = useTranslations("keks.bulk");
  const uid = kek.uniqueIdentifier;

  return (
    <SelectBox
      label={t("select", { name: uid })}
      checked={selected.has(uid)}
      onChange={(checked) =>
        onSelect(new Set(checked ? [...selected, uid] : [...selected].filter((other) => other !== uid)))
      }
    />
  );
}

function RootKeyVersion({
  kek: { crkVersion },
  currentVersion,
  onVersion,
}: Readonly<{ kek: Kek; currentVersion: string | null; onVersion: (version: string) => void }>) {
  return crkVersion ? (
    <button
      type="button"
      onClick={() => onVersion(crkVersion)}
      title={crkVersion}
      className={`rounded-[4px] font-mono text-code underline-offset-4 hover:underline ${crkVersion === currentVersion ? "" : "text-muted"}`}
    >
      {crkVersion.slice(0, 8)}
    </button>
  ) : null;
}

function LastServed({ kek: { lastServedAt, blocked } }: Readonly<{ kek: Kek }>) {
  const t = useTranslations("keks");

  if (lastServedAt === null) {
    return <span className="text-muted">{t("neverServed")}</span>;
  }

  return blocked && lastServedAt <= blocked.at ? (
    <span className="text-muted">{t("notSinceRevoked")}</span>
  ) : (
    <Time value={lastServedAt} />
  );
}

/** Selects all KEKs of the page that are not destroyed, or none. */
function SelectAll({ rows, selected, onSelect }: Selection & Readonly<{ rows: readonly Kek[] }>) {
  const t = useTranslations("keks.bulk");
  const selectable = rows.filter((kek) => !isDestroyed(kek.state)).map((kek) => kek.uniqueIdentifier);
  const all = selectable.length > 0 && selectable.every((uid) => selected.has(uid));
  const some = selectable.some((uid) => selected.has(uid));

  return (
    <SelectBox
      label={t("selectPage")}
      checked={all ? true : some ? "indeterminate" : false}
      onChange={(checked) => onSelect(new Set(checked ? selectable : []))}
    />
  );
}

function Identifier({ instanceId, kek }: Readonly<{ instanceId: string; kek: Kek }>) {
  const t = useTranslations("keks");
  const route = useKekRoute(instanceId);
  const uid = kek.uniqueIdentifier;

  return (
    <span className="relative flex items-center">
      <Link
        href={route.hrefOf(uid)}
        prefetch={false}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) {
            return;
          }
          event.preventDefault();
          route.open(uid);
        }}
        title={uid}
        className="max-w-36 truncate font-mono text-code underline-offset-4 hover:underline sm:max-w-44 2xl:max-w-none"
      >
        {uid}
      </Link>
      <CopyButton
        value={uid}
        what={t("identifier")}
        className="absolute end-0 bg-panel opacity-0 transition-opacity focus-visible:opacity-100 group-hover/row:opacity-100"
      />
    </span>
  );
}

function Label({ kek }: Readonly<{ kek: Kek }>) {
  const t = useTranslations("keks");
  const { main, rest } = labelOf(kek);

  return (
    <span className="block truncate" title={[main, rest].filter(Boolean).join(" · ")}>
      {main ? <>{main} </> : null}
      <span className="text-muted">{rest ?? (main ? "" : t("noLabel"))}</span>
    </span>
  );
}

function RowMenu({ instanceId, kek, onAct }: Readonly<{ instanceId: string; kek: Kek; onAct: OnKekAction }>) {
  const t = useTranslations("keks.menu");
  const tCommon = useTranslations("common");
  const roleReason = useRoleReason();
  const router = useRouter();
  const route = useKekRoute(instanceId);
  const uid = kek.uniqueIdentifier;
  const gone = isDestroyed(kek.state);

  return (
    <Menu
      trigger={
        <Button variant="ghost" size="icon-small" aria-label={tCommon("actionsFor", { name: uid })}>
          <MoreHorizontal aria-hidden="true" />
        </Button>
      }
    >
      <MenuItem onSelect={() => route.open(uid)}>
        <Eye aria-hidden="true" />
        {t("details")}
      </MenuItem>
      <MenuItem onSelect={() => void navigator.clipboard.writeText(uid)}>
        <Copy aria-hidden="true" />
        {t("copy")}
      </MenuItem>
      <MenuItem
        onSelect={() =>
          router.push(`/instances/${instanceId}/audit?range=all&targetId=${encodeURIComponent(uid)}`)
        }
      >
        <ScrollText aria-hidden="true" />
        {t("audit")}
      </MenuItem>
      {gone ? null : (
        <>
          <MenuSeparator />
          {kek.blocked ? (
            <MenuItem disabledReason={roleReason("administrator")} onSelect={() => onAct("restore", kek)}>
              {roleReason("administrator") ? null : <RotateCcw aria-hidden="true" />}
              {t("restore")}
            </MenuItem>
          ) : (
            <MenuItem danger disabledReason={roleReason("operator")} onSelect={() => onAct("revoke", kek)}>
              {roleReason("operator") ? null : <ShieldOff aria-hidden="true" />}
              {t("revoke")}
            </MenuItem>
          )}
          <MenuItem
            danger
            disabledReason={roleReason("administrator")}
            onSelect={() => onAct("destroy", kek)}
          >
            {roleReason("administrator") ? null : <Trash2 aria-hidden="true" />}
            {t("destroy")}
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
