"use client";

import { useTranslations } from "next-intl";
import { type ReactNode, useState } from "react";
import { Palette } from "./command-palette";
import { Header } from "./header";
import { Nav } from "./nav";
import { ShortcutList, useShortcuts } from "./shortcuts";
import { StaleNotice } from "./stale-notice";
import type { Theme } from "./theme";

/** The frame of every console page: skip link, header, navigation, content, palette and shortcuts. */
export function Shell({ theme, children }: Readonly<{ theme: Theme; children: ReactNode }>) {
  const t = useTranslations("shell");
  const [paletteOpen, setPaletteOpen] = useState(false);
  const [shortcutsOpen, setShortcutsOpen] = useState(false);
  useShortcuts({ onPalette: () => setPaletteOpen((open) => !open), onHelp: () => setShortcutsOpen(true) });

  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#content"
        className="fixed start-3 top-2 z-50 -translate-y-16 rounded-control bg-accent px-3 py-2 font-medium text-on-accent focus:translate-y-0"
      >
        {t("skip")}
      </a>
      <Header
        theme={theme}
        onSearch={() => setPaletteOpen(true)}
        onShortcuts={() => setShortcutsOpen(true)}
      />
      <div className="flex flex-1">
        <div className="hidden w-[232px] shrink-0 border-line border-e bg-sunk nav:block">
          <div className="scroll-thin sticky top-13 max-h-[calc(100dvh-52px)] overflow-y-auto">
            <Nav />
          </div>
        </div>
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 outline-none">
          <div className="mx-auto max-w-[1440px] px-4 pt-5 pb-12 sm:px-7">
            <StaleNotice />
            {children}
          </div>
        </main>
      </div>
      <Palette open={paletteOpen} onOpenChange={setPaletteOpen} />
      <ShortcutList open={shortcutsOpen} onOpenChange={setShortcutsOpen} />
    </div>
  );
}
