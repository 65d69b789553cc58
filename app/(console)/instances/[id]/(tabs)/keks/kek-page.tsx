import type { SearchParams } from "nuqs/server";
import { kekListQuery, loadKekFilters } from "@/components/keks/filters";
import { KekView } from "@/components/keks/kek-view";
import { getKek, listKeks } from "@/lib/api/keks/operations";
import { Prefetch } from "../../../../prefetch";

/** The table of KEKs, with the drawer of one when the address names it. */
export async function KekPage({
  instanceId,
  uniqueIdentifier,
  searchParams,
}: Readonly<{ instanceId: string; uniqueIdentifier?: string; searchParams: Promise<SearchParams> }>) {
  const filters = await loadKekFilters(searchParams);

  return (
    <Prefetch
      read={(prefetch) => [
        prefetch(listKeks, { id: instanceId, ...kekListQuery(filters) }),
        ...(uniqueIdentifier === undefined ? [] : [prefetch(getKek, { id: instanceId, uniqueIdentifier })]),
      ]}
    >
      <KekView instanceId={instanceId} />
    </Prefetch>
  );
}
