"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { useTranslations } from "next-intl";
import { cn } from "@/components/ui/cn";
import { query } from "@/lib/api/contract/query";
import { listEndpoints } from "@/lib/api/endpoints/operations";
import { isIn, PLACES, type Place } from "./navigation";

/** The list of places: at the left, or in the drawer on narrow screens. */
export function Nav({ onNavigate }: Readonly<{ onNavigate?: () => void }>) {
  const t = useTranslations("shell");
  const groups = [null, "account", "learn"] as const;

  return (
    <nav aria-label={t("nav")} className="flex flex-col gap-5 px-2.5 py-3">
      {groups.map((group) => (
        <div key={group ?? "top"}>
          {group ? (
            <h2 id={`nav-${group}`} className="px-2.5 pb-1.5 font-medium text-label text-muted">
              {t(group)}
            </h2>
          ) : null}
          <ul aria-labelledby={group ? `nav-${group}` : undefined} className="flex flex-col gap-0.5">
            {PLACES.filter((place) => place.group === group).map((place) => (
              <NavItem key={place.key} place={place} onNavigate={onNavigate} />
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function NavItem({ place, onNavigate }: Readonly<{ place: Place; onNavigate: (() => void) | undefined }>) {
  const t = useTranslations("shell");
  const current = isIn(place, usePathname());

  return (
    <li>
      <Link
        href={place.href}
        aria-current={current ? "page" : undefined}
        onClick={onNavigate}
        className={cn(
          "flex h-8 items-center rounded-control px-2.5 transition-colors duration-[120ms] focus-visible:rounded-control",
          current ? "bg-accent-soft font-medium text-accent-ink" : "text-muted hover:bg-hover hover:text-ink",
        )}
      >
        <span className="min-w-0 flex-1 truncate">{t(place.key)}</span>
        {place.key === "endpoints" ? <EndpointsDown /> : null}
      </Link>
    </li>
  );
}

/** Number of endpoints that are down; nothing while all are up. */
function EndpointsDown() {
  const t = useTranslations("shell");
  const { data } = useQuery({ ...query(listEndpoints, {}), refetchInterval: 30_000 });
  const down = data?.items.filter((node) => node.health === "down").length ?? 0;

  if (down === 0) {
    return null;
  }

  return (
    <span
      role="img"
      aria-label={t("endpointsDown", { count: down })}
      className="tabular ms-2 inline-flex h-5 min-w-5 items-center justify-center rounded-full bg-warn-soft px-1.5 font-medium text-label text-warn-ink"
    >
      {down}
    </span>
  );
}
