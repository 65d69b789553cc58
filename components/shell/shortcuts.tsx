"use client";

import { useRouter } from "next/navigation";
import { useTranslations } from "next-intl";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Switch } from "@/components/ui/choice";
import { Dialog } from "@/components/ui/dialog";
import { PLACES } from "./navigation";

const STORAGE_KEY = "single-key-shortcuts";
const CHANGED = "single-key-shortcuts-changed";

function subscribe(listener: () => void): () => void {
  window.addEventListener(CHANGED, listener);

  return () => window.removeEventListener(CHANGED, listener);
}

/** Whether single keys act (WCAG 2.1.4 asks for a way to turn them off). */
function useSingleKeys(): [boolean, (on: boolean) => void] {
  const on = useSyncExternalStore(
    subscribe,
    () => window.localStorage.getItem(STORAGE_KEY) !== "off",
    () => true,
  );

  return [
    on,
    (next) => {
      window.localStorage.setItem(STORAGE_KEY, next ? "on" : "off");
      window.dispatchEvent(new Event(CHANGED));
    },
  ];
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      /^(input|textarea|select)$/i.test(target.tagName) ||
      target.role === "combobox")
  );
}

/** Ctrl/Cmd K always; `g` then a letter, `/` and `?` while nobody types and no window is open. */
export function useShortcuts({ onPalette, onHelp }: { onPalette: () => void; onHelp: () => void }): void {
  const router = useRouter();
  const [singleKeys] = useSingleKeys();
  const chord = useRef(0);
  const handlers = useRef({ onPalette, onHelp });
  handlers.current = { onPalette, onHelp };

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        handlers.current.onPalette();

        return;
      }

      if (
        !singleKeys ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event.target) ||
        document.querySelector("[role=dialog],[role=alertdialog],[role=menu],[role=listbox]")
      ) {
        return;
      }

      if (chord.current > event.timeStamp - 1200) {
        chord.current = 0;
        const place = PLACES.find((candidate) => candidate.chord === event.key);

        if (place) {
          event.preventDefault();
          router.push(place.href);
        }

        return;
      }

      if (event.key === "g") {
        chord.current = event.timeStamp;
      } else if (event.key === "?") {
        handlers.current.onHelp();
      } else if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("main input[type=search]");
        event.preventDefault();
        if (search) {
          search.focus();
        } else {
          handlers.current.onPalette();
        }
      }
    };

    window.addEventListener("keydown", onKeyDown);

    return () => window.removeEventListener("keydown", onKeyDown);
  }, [router, singleKeys]);
}

/** The list of shortcuts and the switch that turns single keys off. */
export function ShortcutList({
  open,
  onOpenChange,
}: Readonly<{ open: boolean; onOpenChange: (open: boolean) => void }>) {
  const t = useTranslations("shell.keys");
  const [singleKeys, setSingleKeys] = useSingleKeys();
  const [platformKey, setPlatformKey] = useState("Ctrl");

  useEffect(() => {
    if (/mac|iphone|ipad/i.test(navigator.userAgent)) {
      setPlatformKey("⌘");
    }
  }, []);

  const rows: readonly [string, readonly string[]][] = [
    [t("palette"), [platformKey, "K"]],
    [t("search"), ["/"]],
    [t("help"), ["?"]],
    [t("goOverview"), ["g", "o"]],
    [t("goInstances"), ["g", "i"]],
    [t("goAudit"), ["g", "a"]],
    [t("goEndpoints"), ["g", "e"]],
  ];

  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("title")} description={t("description")}>
      <dl className="divide-y divide-line">
        {rows.map(([words, keys]) => (
          <div key={words} className="flex h-9 items-center justify-between gap-4">
            <dt>{words}</dt>
            <dd className="flex items-center gap-1">
              {keys.map((key, index) => (
                <span key={key} className="flex items-center gap-1">
                  {index > 0 && keys[0] === "g" ? (
                    <span className="text-label text-muted">{t("then")}</span>
                  ) : null}
                  <kbd className="inline-flex h-6 min-w-6 items-center justify-center rounded-[4px] border border-line-strong bg-sunk px-1.5 font-mono text-label">
                    {key}
                  </kbd>
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <div className="mt-3 border-line border-t pt-4">
        <Switch
          checked={singleKeys}
          onCheckedChange={setSingleKeys}
          label={t("enabled")}
          hint={t("enabledHint")}
        />
      </div>
    </Dialog>
  );
}
