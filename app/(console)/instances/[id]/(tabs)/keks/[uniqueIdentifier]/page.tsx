import type { SearchParams } from "nuqs/server";
import { KekPage } from "../kek-page";

type Props = {
  params: Promise<{ id: string; uniqueIdentifier: string }>;
  searchParams: Promise<SearchParams>;
};

export default async function KekDetailPage({ params, searchParams }: Props) {
  const { id, uniqueIdentifier } = await params;

  return (
    <KekPage
      instanceId={id}
      uniqueIdentifier={decodeURIComponent(uniqueIdentifier)}
      searchParams={searchParams}
    />
  );
}
