"use client";

import { Keyboard, Languages, LogOut, UserRound } from "lucide-react";
import { useRouter } from "next/navigation";
import { signOut } from "next-auth/react";
import { useLocale, useTranslations } from "next-intl";
import { useState } from "react";
import { useMe } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Menu, MenuItem, MenuLabel, MenuRadioGroup, MenuSeparator } from "@/components/ui/menu";
import { LOCALE_NAMES, LOCALES, type Locale } from "@/lib/i18n/locales";
import { setLocale, setTheme } from "./preferences";
import { THEMES, type Theme } from "./theme";

/** Keeps the language and draws the page again in it. */
export function useChangeLocale(): (locale: Locale) => void {
  const router = useRouter();

  return (locale) => {
    setLocale(locale);
    router.refresh();
  };
}

/** The language, in its own words. */
export function LanguageMenu() {
  const t = useTranslations("shell");
  const locale = useLocale();
  const changeLocale = useChangeLocale();

  return (
    <Menu
      trigger={
        <Button
          variant="ghost"
          aria-label={`${t("language")}: ${LOCALE_NAMES[locale]}`}
          className="px-2 text-muted"
        >
          <Languages aria-hidden="true" />
          <span aria-hidden="true" className="max-sm:hidden">
            {locale === "en" ? "EN" : "中文"}
          </span>
        </Button>
      }
    >
      <MenuRadioGroup
        value={locale}
        onValueChange={changeLocale}
        options={LOCALES.map((value) => ({ value, label: LOCALE_NAMES[value], lang: value }))}
      />
    </Menu>
  );
}

/** How the console looks, as part of a menu. */
export function ThemeChoice({ initial }: Readonly<{ initial: Theme }>) {
  const t = useTranslations("shell");
  const [theme, setCurrent] = useState(initial);
  const words = { system: t("themeSystem"), light: t("themeLight"), dark: t("themeDark") };

  return (
    <MenuRadioGroup
      value={theme}
      onValueChange={(next) => {
        setCurrent(next);
        setTheme(next);
      }}
      options={THEMES.map((value) => ({ value, label: words[value] }))}
    />
  );
}

/** Who is signed in, appearance, shortcuts, sign out. */
export function UserMenu({ theme, onShortcuts }: Readonly<{ theme: Theme; onShortcuts: () => void }>) {
  const t = useTranslations("shell");
  const tRole = useTranslations("common.role");
  const router = useRouter();
  const me = useMe();

  return (
    <Menu
      trigger={
        <Button
          variant="ghost"
          aria-label={t("user", { name: me.name })}
          className="size-8 rounded-full bg-accent-soft p-0 font-semibold text-accent-ink text-label focus-visible:rounded-full"
        >
          {initials(me.name)}
        </Button>
      }
    >
      <div className="px-2 pt-1.5 pb-2">
        <p className="break-anywhere font-medium">{me.name}</p>
        <p className="break-anywhere text-label text-muted">
          {me.email ? `${me.email} · ` : ""}
          {tRole(me.role)}
        </p>
      </div>
      <MenuSeparator />
      <MenuLabel>{t("theme")}</MenuLabel>
      <ThemeChoice initial={theme} />
      <MenuSeparator />
      <MenuItem onSelect={() => router.push("/profile")}>
        <UserRound aria-hidden="true" />
        {t("profile")}
      </MenuItem>
      <MenuItem onSelect={onShortcuts}>
        <Keyboard aria-hidden="true" />
        {t("shortcuts")}
      </MenuItem>
      <MenuItem onSelect={() => void signOut({ callbackUrl: "/sign-in" })}>
        <LogOut aria-hidden="true" />
        {t("signOut")}
      </MenuItem>
    </Menu>
  );
}

/** Up to two letters of a name; of a Chinese name its last two characters, as is usual. */
function initials(name: string): string {
  const trimmed = name.trim();

  if (/^\p{Script=Han}+$/u.test(trimmed)) {
    return [...trimmed].slice(-2).join("");
  }

  const words = trimmed.split(/[\s.@_-]+/).filter(Boolean);

  return words
    .slice(0, 2)
    .map((word) => [...word][0] ?? "")
    .join("")
    .toUpperCase();
}
