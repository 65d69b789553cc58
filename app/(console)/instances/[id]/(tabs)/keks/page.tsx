import type { SearchParams } from "nuqs/server";
import { KekPage } from "./kek-page";

type Props = { params: Promise<{ id: string }>; searchParams: Promise<SearchParams> };

export default async function KeksPage({ params, searchParams }: Props) {
  return <KekPage instanceId={(await params).id} searchParams={searchParams} />;
}
