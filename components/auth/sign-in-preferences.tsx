"use client";

import { SunMoon } from "lucide-react";
import { useTranslations } from "next-intl";
import { LanguageMenu, ThemeChoice } from "@/components/shell/header-menus";
import type { Theme } from "@/components/shell/theme";
import { Button } from "@/components/ui/button";
import { Menu } from "@/components/ui/menu";

/** Language and appearance, before anybody is signed in. */
export function SignInPreferences({ theme }: Readonly<{ theme: Theme }>) {
  const t = useTranslations("shell");

  return (
    <>
      <LanguageMenu />
      <Menu
        trigger={
          <Button variant="ghost" aria-label={t("theme")} className="px-2 text-muted">
            <SunMoon aria-hidden="true" />
          </Button>
        }
      >
        <ThemeChoice initial={theme} />
      </Menu>
    </>
  );
}
