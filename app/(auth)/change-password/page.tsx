import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { getTranslations } from "next-intl/server";
import { ChangeGivenPassword } from "@/components/auth/change-given-password";
import { safeCallback } from "@/components/auth/errors";
import { AuthFrame } from "@/components/auth/frame";
import { getPersonSession } from "@/lib/auth/page-actor";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("auth.password"))("givenTitle") };
}

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> };

export default async function ChangePasswordPage({ searchParams }: Props) {
  const [t, search, session] = await Promise.all([
    getTranslations("auth.password"),
    searchParams,
    getPersonSession(),
  ]);
  const callbackUrl = safeCallback(typeof search.callbackUrl === "string" ? search.callbackUrl : undefined);

  if (session === null) {
    redirect("/sign-in");
  }

  if (!session.passwordGiven) {
    redirect(callbackUrl);
  }

  return (
    <AuthFrame title={t("givenTitle")} lead={t("givenLead")}>
      <ChangeGivenPassword callbackUrl={callbackUrl} />
    </AuthFrame>
  );
}
