import type { Metadata } from "next";
import { cookies } from "next/headers";
import { redirect } from "next/navigation";
import { getTranslations } from "next-intl/server";
import { safeCallback, signInErrorOf } from "@/components/auth/errors";
import { SignInForm } from "@/components/auth/sign-in-form";
import { SignInPreferences } from "@/components/auth/sign-in-preferences";
import { THEME_COOKIE, themeOf } from "@/components/shell/theme";
import { Mark } from "@/components/ui/mark";
import { singleSignOn } from "@/lib/auth";
import { getPageSession } from "@/lib/auth/page-actor";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("auth"))("title") };
}

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> };

export default async function SignInPage({ searchParams }: Props) {
  const [t, tCommon, search, cookieStore, session] = await Promise.all([
    getTranslations("auth"),
    getTranslations("common"),
    searchParams,
    cookies(),
    getPageSession(),
  ]);
  const one = (name: string) => (typeof search[name] === "string" ? search[name] : undefined);
  const callbackUrl = safeCallback(one("callbackUrl"));

  if (session !== null) {
    redirect(callbackUrl);
  }

  const code = one("error");
  const initialError = code ? signInErrorOf(code) : one("reason") === "session" ? "session" : null;

  return (
    <div className="flex min-h-dvh flex-col">
      <main className="flex flex-1 items-center justify-center px-4 py-10">
        <div className="w-full max-w-[360px]">
          <div className="mb-6">
            <Mark className="mb-4 h-6 w-10" />
            <h1 className="text-title">{tCommon("product")}</h1>
            <p className="mt-1 text-muted">{t("lead")}</p>
          </div>
          <SignInForm oidc={singleSignOn()} callbackUrl={callbackUrl} initialError={initialError} />
        </div>
      </main>
      <footer className="flex justify-center gap-1 pb-5">
        <SignInPreferences theme={themeOf(cookieStore.get(THEME_COOKIE)?.value)} />
      </footer>
    </div>
  );
}
