"use client";

import { Menu as MenuIcon, Search, X } from "lucide-react";
import Link from "next/link";
import { useTranslations } from "next-intl";
import { Dialog as Primitive } from "radix-ui";
import { useState } from "react";
import { useMe } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Mark } from "@/components/ui/mark";
import { LanguageMenu, UserMenu } from "./header-menus";
import { Nav } from "./nav";
import type { Theme } from "./theme";

/** The bar on top: mark, account, search, language, person. */
export function Header({
  theme,
  onSearch,
  onShortcuts,
}: Readonly<{ theme: Theme; onSearch: () => void; onShortcuts: () => void }>) {
  const t = useTranslations("shell");
  const tCommon = useTranslations("common");
  const me = useMe();

  return (
    <header className="sticky top-0 z-20 flex h-13 items-center gap-2 border-line border-b bg-panel pe-3 ps-2 nav:gap-3 nav:pe-5 nav:ps-5">
      <NavDrawer />
      <Link
        href="/"
        className="flex h-8 shrink-0 items-center gap-2.5 rounded-control font-semibold text-head nav:w-[197px] focus-visible:rounded-control"
      >
        <Mark />
        <span className="max-sm:sr-only">{tCommon("product")}</span>
      </Link>
      <span
        className="hidden min-w-0 max-w-64 truncate border-line-strong border-s ps-4 text-muted sm:block"
        title={me.account.name}
      >
        {me.account.name}
      </span>
      <div className="flex-1" />
      <button
        type="button"
        onClick={onSearch}
        aria-label={t("searchLabel")}
        aria-keyshortcuts="Control+K Meta+K"
        className="flex h-8 items-center gap-2 rounded-control border border-line-strong bg-sunk px-2.5 text-muted transition-colors duration-[120ms] hover:border-muted hover:text-ink focus-visible:rounded-control sm:w-72"
      >
        <Search aria-hidden="true" className="size-4 shrink-0" />
        <span className="min-w-0 flex-1 truncate text-start max-sm:hidden">{t("searchPlaceholder")}</span>
        <kbd className="rounded-[4px] border border-line-strong bg-panel px-1.5 font-mono text-[11px] leading-[18px] max-sm:hidden">
          Ctrl K
        </kbd>
      </button>
      <LanguageMenu />
      <UserMenu theme={theme} onShortcuts={onShortcuts} />
    </header>
  );
}

/** The navigation under 900 px. */
function NavDrawer() {
  const t = useTranslations("shell");
  const tCommon = useTranslations("common");
  const [open, setOpen] = useState(false);

  return (
    <Primitive.Root open={open} onOpenChange={setOpen}>
      <Primitive.Trigger asChild>
        <Button variant="ghost" size="icon" aria-label={t("openNav")} className="nav:hidden">
          <MenuIcon aria-hidden="true" />
        </Button>
      </Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Primitive.Content
          aria-describedby={undefined}
          className="fixed inset-y-0 start-0 z-40 flex w-[272px] animate-fade flex-col border-line border-e bg-panel outline-none"
        >
          <div className="flex h-13 shrink-0 items-center gap-2.5 border-line border-b ps-5 pe-2">
            <Mark />
            <Primitive.Title className="flex-1 font-semibold text-head">{tCommon("product")}</Primitive.Title>
            <Primitive.Close asChild>
              <Button variant="ghost" size="icon" aria-label={tCommon("close")}>
                <X aria-hidden="true" />
              </Button>
            </Primitive.Close>
          </div>
          <div className="scroll-thin min-h-0 flex-1 overflow-y-auto">
            <Nav onNavigate={() => setOpen(false)} />
          </div>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
