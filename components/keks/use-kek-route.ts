"use client";

import { usePathname, useSearchParams } from "next/navigation";

/**
 * The KEK whose drawer is open, from the path /instances/{id}/keks/{uid}. Opening and closing change the URL
 * without asking the server for the page again: the table under the drawer stays as it is.
 */
export function useKekRoute(instanceId: string) {
  const pathname = usePathname();
  const search = useSearchParams().toString();
  const base = `/instances/${instanceId}/keks`;
  const query = search === "" ? "" : `?${search}`;
  const rest = pathname.startsWith(`${base}/`) ? pathname.slice(base.length + 1) : "";

  const hrefOf = (uniqueIdentifier: string) => `${base}/${encodeURIComponent(uniqueIdentifier)}${query}`;

  return {
    uniqueIdentifier: rest === "" ? null : safeDecode(rest),
    hrefOf,
    open: (uniqueIdentifier: string) => window.history.pushState(null, "", hrefOf(uniqueIdentifier)),
    close: () => window.history.pushState(null, "", `${base}${query}`),
  };
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign in a typed address: then it is no identifier of ours, and the drawer says so.
    return text;
  }
}
