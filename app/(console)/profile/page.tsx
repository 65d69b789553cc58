import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { ProfileView } from "@/components/profile/profile-view";
import { listSessions } from "@/lib/api/me/operations";
import { Prefetch } from "../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("profile"))("title") };
}

export default function ProfilePage() {
  return (
    <Prefetch read={(prefetch) => [prefetch(listSessions, { limit: 50 })]}>
      <ProfileView />
    </Prefetch>
  );
}
