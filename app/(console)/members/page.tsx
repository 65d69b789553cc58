import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { MemberList } from "@/components/members/member-list";
import { listMembers } from "@/lib/api/members/operations";
import { Prefetch } from "../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("members"))("title") };
}

export default function MembersPage() {
  return (
    <Prefetch read={(prefetch) => [prefetch(listMembers, { limit: 50 })]}>
      <MemberList />
    </Prefetch>
  );
}
