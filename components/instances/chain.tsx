"use client";

import { useTranslations } from "next-intl";
import { Fragment, type ReactNode } from "react";
import { useKindNames } from "@/components/key-managers/words";
import { cn } from "@/components/ui/cn";
import { Time } from "@/components/ui/time";
import type { Instance } from "@/lib/api/instances/schemas";

/** The chain CRK → KEK → DEK with what is known of each link. */
export function ChainOfKeys({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("instances");
  const tCommon = useTranslations("common");
  const names = useKindNames();
  const { crk, keyManager, counts } = instance;
  const manager = keyManager ? names(keyManager.kind).short : tCommon("notKnownYet");

  return (
    <ChainLinks
      wraps={t("chain.wraps")}
      links={[
        {
          key: "crk",
          title: t("chain.crk"),
          main: crk ? (crk.name ?? crk.id) : tCommon("notKnownYet"),
          bad: crk?.state != null && crk.state !== "active",
          facts: crk ? (
            <>
              {crk.state
                ? t("chain.stateAndRing", {
                    state: t(`crkState.${crk.state}`),
                    ring: keyManager?.keyRing ?? t("keyManager.defaultKeyRing"),
                  })
                : t("chain.neverLeavesManager", { name: manager })}
              <br />
              {crk.currentVersion ? (
                <span className="font-mono text-code" title={crk.currentVersion}>
                  {t("chain.version", { version: crk.currentVersion.slice(0, 8) })}
                </span>
              ) : (
                t("chain.versionUnknown")
              )}
              {crk.seenAt ? (
                <>
                  {" · "}
                  {t.rich("chain.seen", { when: () => <Time key="seen" value={crk.seenAt ?? ""} /> })}
                </>
              ) : null}
            </>
          ) : null,
        },
        {
          key: "kek",
          title: t("chain.kek"),
          main: t("chain.wrapped", { count: counts.keks }),
          facts: keyManager ? t("chain.inKeyManager", { name: keyManager.name ?? manager }) : null,
        },
        {
          key: "dek",
          title: t("chain.dek"),
          main: t("chain.neverLeave"),
          facts: t("chain.clients", { count: counts.clientCertificates }),
        },
      ]}
    />
  );
}

type Link = { key: string; title: ReactNode; main: ReactNode; facts: ReactNode; bad?: boolean };

/** The motif itself: links in a row, joined by the word between them. */
export function ChainLinks({ links, wraps }: Readonly<{ links: readonly Link[]; wraps: string }>) {
  return (
    <ol className="grid items-stretch gap-1.5 md:grid-cols-[minmax(0,1fr)_auto_minmax(0,1fr)_auto_minmax(0,1fr)] md:gap-0">
      {links.map((link, index) => (
        <Fragment key={link.key}>
          {index > 0 ? (
            <li className="flex items-center justify-center gap-1.5 px-3 text-label text-muted md:flex-col md:gap-0.5">
              {wraps}
              <svg viewBox="0 0 24 8" aria-hidden="true" className="hidden w-6 md:block">
                <path d="M0 4h22M18.5 1 22 4l-3.5 3" fill="none" stroke="currentColor" strokeWidth="1.2" />
              </svg>
              <svg viewBox="0 0 8 16" aria-hidden="true" className="h-4 md:hidden">
                <path d="M4 0v14M1 10.5 4 14l3-3.5" fill="none" stroke="currentColor" strokeWidth="1.2" />
              </svg>
            </li>
          ) : null}
          <li
            className={cn(
              "min-w-0 rounded-control border bg-sunk px-3.5 py-2.5",
              link.bad ? "border-bad" : "border-line",
            )}
          >
            {link.title ? <p className="text-muted">{link.title}</p> : null}
            <p className="break-anywhere font-semibold">{link.main}</p>
            <p className="break-anywhere text-muted">{link.facts}</p>
          </li>
        </Fragment>
      ))}
    </ol>
  );
}
