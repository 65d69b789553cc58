import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { MemberList } from "@/components/members/member-list";
import { Prefetch } from "../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("members"))("title") };
}

export default function MembersPage() {
  return (
    <Prefetch read={(client, queries) => [client.prefetchInfiniteQuery(queries.members.list({ limit: 50 }))]}>
      <MemberList />
    </Prefetch>
  );
}
