import type { ReactNode } from "react";
import { PageHeader } from "@/components/ui/page-header";

/** A short page to learn from: text of a readable width, tables as wide as they need. */
export function Article({
  title,
  lead,
  children,
}: Readonly<{ title: string; lead: string; children: ReactNode }>) {
  return (
    <article className="max-w-4xl">
      <PageHeader title={title} description={lead} />
      <div className="flex flex-col gap-6">{children}</div>
    </article>
  );
}

/** A section of an article. */
export function Section({ title, children }: Readonly<{ title: string; children: ReactNode }>) {
  return (
    <section>
      <h2 className="mb-2 font-semibold text-head">{title}</h2>
      {children}
    </section>
  );
}

/** A table of texts; the first column names the rows. */
export function TextTable({
  label,
  columns,
  rows,
}: Readonly<{ label: string; columns: readonly string[]; rows: readonly (readonly string[])[] }>) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1)
      tabIndex={0}
      className="scroll-thin overflow-x-auto rounded-panel border border-line bg-panel"
    >
      <table aria-label={label} className="w-full min-w-[36rem]">
        <thead>
          <tr className="border-line border-b text-label text-muted">
            {columns.map((column, index) =>
              column === "" ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns never move
                <td key={index} />
              ) : (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns never move
                <th key={index} scope="col" className="px-4 py-2">
                  {column}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">
          {rows.map(([head, ...cells]) => (
            <tr key={head} className="align-top">
              <th scope="row" className="px-4 py-2.5 font-medium">
                {head}
              </th>
              {cells.map((cell, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: cells never move
                <td key={index} className="px-4 py-2.5 text-muted">
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
