"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { Command } from "cmdk";
import { Box, KeyRound, Languages, type LucideIcon, Plus, Search, SunMoon } from "lucide-react";
import { usePathname, useRouter } from "next/navigation";
import { useLocale, useTranslations } from "next-intl";
import { Dialog as Primitive } from "radix-ui";
import { type ReactNode, useDeferredValue, useState } from "react";
import { StatusBadge } from "@/components/instances/status";
import { useRoleReason } from "@/components/session/use-me";
import { query } from "@/lib/api/contract/query";
import { listInstances } from "@/lib/api/instances/operations";
import { LOCALE_NAMES, LOCALES } from "@/lib/i18n/locales";
import { useChangeLocale } from "./header-menus";
import { PLACES } from "./navigation";
import { setTheme } from "./preferences";
import { THEMES } from "./theme";

/** Ctrl/Cmd K: pages, instances by name, and the few things that one does from anywhere. */
export function Palette({
  open,
  onOpenChange,
}: Readonly<{ open: boolean; onOpenChange: (open: boolean) => void }>) {
  const t = useTranslations("shell.palette");

  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Primitive.Content
          aria-describedby={undefined}
          className="fixed inset-x-3 top-[12vh] z-40 mx-auto max-w-xl animate-rise overflow-hidden rounded-panel border border-line bg-panel shadow-float outline-none"
        >
          <Primitive.Title className="sr-only">{t("title")}</Primitive.Title>
          <PaletteBody close={() => onOpenChange(false)} />
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

function PaletteBody({ close }: Readonly<{ close: () => void }>) {
  const t = useTranslations("shell.palette");
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const go = useGo(close);
  const instances = useInfiniteQuery(query(listInstances, { limit: 8, ...(search ? { search } : {}) }));
  const found = instances.data?.pages[0]?.items ?? [];
  const instanceId = /^\/instances\/([0-9a-f-]{36})/.exec(usePathname())?.[1];
  const here = found.find((instance) => instance.id === instanceId);

  return (
    <Command label={t("title")} loop>
      <div className="flex items-center gap-2.5 border-line border-b px-4">
        <Search aria-hidden="true" className="size-4 shrink-0 text-muted" />
        <Command.Input
          value={text}
          onValueChange={setText}
          placeholder={t("placeholder")}
          className="h-12 w-full bg-transparent outline-none placeholder:text-muted"
        />
      </div>
      <Command.List className="scroll-thin max-h-[52vh] overflow-y-auto p-1.5 [&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-label [&_[cmdk-group-heading]]:text-muted">
        <Command.Empty className="px-3 py-8 text-center text-muted">
          {instances.isFetching ? t("searching") : t("empty")}
        </Command.Empty>
        {found.length > 0 ? (
          <Command.Group heading={t("instances")}>
            {found.map((instance) => (
              <Entry
                key={instance.id}
                value={`instance ${instance.name} ${instance.id}`}
                icon={Box}
                onSelect={go(`/instances/${instance.id}/overview`)}
              >
                <span className="min-w-0 flex-1 truncate">
                  {instance.name} <span className="text-muted">{instance.region}</span>
                </span>
                <StatusBadge status={instance.status} />
              </Entry>
            ))}
          </Command.Group>
        ) : null}
        <Pages close={close} />
        <Command.Group heading={t("actions")}>
          {search && here ? (
            <Entry
              value={`kek ${text}`}
              icon={KeyRound}
              onSelect={go(`/instances/${here.id}/keks?search=${encodeURIComponent(search)}`)}
            >
              {t("findKek", { text: search, name: here.name })}
            </Entry>
          ) : null}
          <Actions close={close} />
        </Command.Group>
      </Command.List>
    </Command>
  );
}

/** Leaves the palette for a page. */
function useGo(close: () => void): (href: string) => () => void {
  const router = useRouter();

  return (href) => () => {
    close();
    router.push(href);
  };
}

function Pages({ close }: Readonly<{ close: () => void }>) {
  const t = useTranslations("shell");
  const go = useGo(close);

  return (
    <Command.Group heading={t("palette.pages")}>
      {PLACES.map((place) => (
        <Entry key={place.key} value={`go ${t(place.key)}`} icon={place.icon} onSelect={go(place.href)}>
          {t(place.key)}
        </Entry>
      ))}
    </Command.Group>
  );
}

/** What can be done from anywhere: order, another look, another language. */
function Actions({ close }: Readonly<{ close: () => void }>) {
  const t = useTranslations("shell.palette");
  const tShell = useTranslations("shell");
  const locale = useLocale();
  const changeLocale = useChangeLocale();
  const roleReason = useRoleReason();
  const go = useGo(close);
  const themeWords = {
    system: tShell("themeSystem"),
    light: tShell("themeLight"),
    dark: tShell("themeDark"),
  };

  return (
    <>
      {roleReason("administrator") ? null : (
        <Entry value={`do ${t("order")}`} icon={Plus} onSelect={go("/instances/new")}>
          {t("order")}
        </Entry>
      )}
      {THEMES.map((theme) => (
        <Entry
          key={theme}
          value={`theme ${themeWords[theme]} ${theme}`}
          icon={SunMoon}
          onSelect={() => {
            setTheme(theme);
            close();
          }}
        >
          {t("theme", { name: themeWords[theme] })}
        </Entry>
      ))}
      {LOCALES.filter((other) => other !== locale).map((other) => (
        <Entry
          key={other}
          value={`language ${LOCALE_NAMES[other]} ${other}`}
          icon={Languages}
          onSelect={() => {
            changeLocale(other);
            close();
          }}
        >
          <span>{t("language", { name: LOCALE_NAMES[other] })}</span>
        </Entry>
      ))}
    </>
  );
}

function Entry({
  value,
  icon: Icon,
  onSelect,
  children,
}: Readonly<{ value: string; icon: LucideIcon; onSelect: () => void; children: ReactNode }>) {
  return (
    <Command.Item
      value={value}
      onSelect={onSelect}
      className="flex h-9 cursor-default items-center gap-2.5 rounded-control px-2.5 data-[selected=true]:bg-hover"
    >
      <Icon aria-hidden="true" className="size-4 shrink-0 text-muted" />
      {children}
    </Command.Item>
  );
}
