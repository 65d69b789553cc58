"use client";

import { type ColumnDef, FlexRender, tableFeatures, useTable } from "@tanstack/react-table";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useTranslations } from "next-intl";
import { type MouseEvent, type ReactNode, useRef } from "react";
import { cn } from "@/components/ui/cn";

type Meta = {
  /** Classes of the column's cells and header, e.g. `max-md:hidden` or a width. */
  className?: string;
  /** Set on columns that the server can sort by. */
  sort?: { direction: "ascending" | "descending" | null; onToggle: () => void };
  /** The header is read out and not seen (columns of buttons). */
  hiddenHeader?: boolean;
};

const features = tableFeatures({ columnMeta: {} as Meta });

export type Column<Row extends object> = ColumnDef<typeof features, Row>;

/** Lists longer than this draw only the rows in sight. */
const VIRTUAL_FROM = 120;
const ROW_HEIGHT = 37;

/**
 * A dense table: 36-pixel rows, header that stays in sight on wide screens, sideways scrolling on narrow ones.
 * Sorting, filtering and paging are the server's; the table only shows and tells.
 */
export function DataTable<Row extends object>({
  label,
  columns,
  rows,
  rowKey,
  onOpen,
  isOpen,
  dimmed = false,
}: Readonly<{
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  /** A click anywhere on the row; the row must also hold a link or button that does the same for keyboards. */
  onOpen?: (row: Row) => void;
  isOpen?: (row: Row) => boolean;
  /** Older rows are shown while newer ones are read. */
  dimmed?: boolean;
}>) {
  const table = useTable({ features, columns, data: rows, getRowId: rowKey });
  const frame = useRef<HTMLTableElement>(null);
  const model = table.getRowModel().rows;
  const virtual = model.length > VIRTUAL_FROM;
  const virtualizer = useWindowVirtualizer({
    count: virtual ? model.length : 0,
    estimateSize: () => ROW_HEIGHT,
    overscan: 24,
    scrollMargin: topOf(frame.current),
  });

  const items = virtualizer.getVirtualItems();
  const first = items[0];
  const last = items.at(-1);
  const shown = virtual ? items.flatMap((item) => model[item.index] ?? []) : model;
  const before = virtual && first ? first.start - virtualizer.options.scrollMargin : 0;
  const after =
    virtual && last ? virtualizer.getTotalSize() - (last.end - virtualizer.options.scrollMargin) : 0;

  return (
    <div className="scroll-thin relative overflow-x-auto xl:overflow-visible">
      <table
        ref={frame}
        aria-label={label}
        aria-rowcount={virtual ? model.length + 1 : undefined}
        aria-busy={dimmed || undefined}
        className={cn("w-full border-separate border-spacing-0 transition-opacity", dimmed && "opacity-60")}
      >
        <thead className="z-[5] xl:sticky xl:top-13">
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => (
                <HeaderCell key={header.id} meta={header.column.columnDef.meta}>
                  <FlexRender header={header} />
                </HeaderCell>
              ))}
            </tr>
          ))}
        </thead>
        {before > 0 ? <Gap height={before} columns={columns.length} /> : null}
        <tbody>
          {shown.map((row) => (
            <tr
              key={row.id}
              aria-rowindex={virtual ? row.index + 2 : undefined}
              onClick={onOpen ? (event) => openUnlessBusy(event, () => onOpen(row.original)) : undefined}
              className={cn(
                "group/row",
                onOpen && "cursor-pointer hover:bg-hover",
                isOpen?.(row.original) && "bg-accent-soft hover:bg-accent-soft",
              )}
            >
              {row.getAllCells().map((cell) => (
                <td
                  key={cell.id}
                  className={cn(
                    "h-9 whitespace-nowrap border-line border-b px-3 py-1 align-middle first:ps-4 last:pe-4 group-last/row:border-b-0",
                    cell.column.columnDef.meta?.className,
                  )}
                >
                  <FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        {after > 0 ? <Gap height={after} columns={columns.length} /> : null}
      </table>
    </div>
  );
}

/** Distance of the rows from the top of the page, in pixels. */
function topOf(table: HTMLTableElement | null): number {
  return table === null ? 0 : table.getBoundingClientRect().top + window.scrollY + ROW_HEIGHT;
}

/** Links, buttons and selected text in a row keep their own meaning. */
function openUnlessBusy(event: MouseEvent, open: () => void): void {
  const target = event.target;
  const interactive =
    target instanceof Element &&
    target.closest("a,button,input,label,[role=menuitem],[role=dialog],[role=alertdialog]");
  const outside = target instanceof Node && !event.currentTarget.contains(target);

  if (interactive || outside || event.defaultPrevented || window.getSelection()?.isCollapsed === false) {
    return;
  }

  open();
}

function Gap({ height, columns }: Readonly<{ height: number; columns: number }>) {
  return (
    <tbody aria-hidden="true">
      <tr>
        <td colSpan={columns} style={{ height, padding: 0 }} />
      </tr>
    </tbody>
  );
}

function HeaderCell({ meta, children }: Readonly<{ meta: Meta | undefined; children: ReactNode }>) {
  const t = useTranslations("common");
  const sort = meta?.sort;
  const Arrow = sort?.direction === "ascending" ? ArrowUp : ArrowDown;

  return (
    <th
      scope="col"
      aria-sort={sort?.direction ?? undefined}
      className={cn(
        "h-9 whitespace-nowrap border-line border-b bg-panel px-3 text-label text-muted first:rounded-ss-panel first:ps-4 last:rounded-se-panel last:pe-4",
        meta?.className,
      )}
    >
      {meta?.hiddenHeader ? (
        <span className="sr-only">{children}</span>
      ) : sort ? (
        <button
          type="button"
          onClick={sort.onToggle}
          className={cn(
            "-mx-1 inline-flex h-6 items-center gap-1 rounded-[4px] px-1 hover:text-ink",
            sort.direction && "text-ink",
          )}
        >
          {children}
          {sort.direction ? <Arrow aria-hidden="true" className="size-3.5" /> : null}
          {sort.direction ? (
            <span className="sr-only">
              {t(sort.direction === "ascending" ? "sortAscending" : "sortDescending")}
            </span>
          ) : null}
        </button>
      ) : (
        children
      )}
    </th>
  );
}
