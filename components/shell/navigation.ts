import {
  Activity,
  BookOpen,
  Box,
  KeyRound,
  Layers,
  RefreshCw,
  ScrollText,
  Server,
  Users,
} from "lucide-react";

/** Places of the console, in the order of the navigation. `group` null stands on top, without a heading. */
export const PLACES = [
  { key: "overview", href: "/", icon: Activity, group: null, chord: "o" },
  { key: "instances", href: "/instances", icon: Box, group: null, chord: "i" },
  { key: "audit", href: "/audit", icon: ScrollText, group: null, chord: "a" },
  { key: "endpoints", href: "/endpoints", icon: Server, group: null, chord: "e" },
  { key: "members", href: "/members", icon: Users, group: "account", chord: null },
  { key: "tokens", href: "/tokens", icon: KeyRound, group: "account", chord: null },
  { key: "learnChain", href: "/learn/chain-of-keys", icon: Layers, group: "learn", chord: null },
  { key: "learnEncryption", href: "/learn/which-encryption", icon: BookOpen, group: "learn", chord: null },
  { key: "learnRotate", href: "/learn/rotate-keys", icon: RefreshCw, group: "learn", chord: null },
] as const;

export type Place = (typeof PLACES)[number];

/** True when `pathname` is in the place: itself or below it (Overview only itself). */
export function isIn(place: { readonly href: string }, pathname: string): boolean {
  return place.href === "/"
    ? pathname === "/"
    : pathname === place.href || pathname.startsWith(`${place.href}/`);
}
