import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { getTranslations } from "next-intl/server";
import { safeCallback, signInErrorOf } from "@/components/auth/errors";
import { AuthFrame } from "@/components/auth/frame";
import { SignInForm } from "@/components/auth/sign-in-form";
import { singleSignOn } from "@/lib/auth";
import { getPageSession } from "@/lib/auth/page-actor";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("auth"))("title") };
}

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> };

const REASONS = { session: "session", account: "noAccount" } as const;

export default async function SignInPage({ searchParams }: Props) {
  const [t, search, session] = await Promise.all([getTranslations("auth"), searchParams, getPageSession()]);
  const one = (name: string) => (typeof search[name] === "string" ? search[name] : undefined);
  const callbackUrl = safeCallback(one("callbackUrl"));

  if (session !== null) {
    redirect(callbackUrl);
  }

  const code = one("error");
  const reason = one("reason");
  const initialError = code
    ? signInErrorOf(code)
    : reason === "session" || reason === "account"
      ? REASONS[reason]
      : null;

  return (
    <AuthFrame lead={t("lead")}>
      <SignInForm oidc={singleSignOn()} callbackUrl={callbackUrl} initialError={initialError} />
    </AuthFrame>
  );
}
