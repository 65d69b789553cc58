import { cookies } from "next/headers";
import { getTranslations } from "next-intl/server";
import type { ReactNode } from "react";
import { THEME_COOKIE, themeOf } from "@/components/shell/theme";
import { Mark } from "@/components/ui/mark";
import { SignInPreferences } from "./sign-in-preferences";

/** The page of somebody who is not in the console yet: one task, language and appearance. */
export async function AuthFrame({
  title,
  lead,
  children,
}: Readonly<{ title?: ReactNode; lead: ReactNode; children: ReactNode }>) {
  const [tCommon, cookieStore] = await Promise.all([getTranslations("common"), cookies()]);

  return (
    <div className="flex min-h-dvh flex-col">
      <main className="flex flex-1 items-center justify-center px-4 py-10">
        <div className="w-full max-w-[360px]">
          <div className="mb-6">
            <Mark className="mb-4 h-6 w-10" />
            <h1 className="text-title">{title ?? tCommon("product")}</h1>
            <p className="break-anywhere mt-1 text-muted">{lead}</p>
          </div>
          {children}
        </div>
      </main>
      <footer className="flex justify-center gap-1 pb-5">
        <SignInPreferences theme={themeOf(cookieStore.get(THEME_COOKIE)?.value)} />
      </footer>
    </div>
  );
}
