"use client";

import { useSuspenseQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import type { Role } from "@/lib/api/contract/common";
import { query } from "@/lib/api/contract/query";
import { getMe } from "@/lib/api/me/operations";
import type { Me } from "@/lib/api/me/schemas";

/** What each role may do beyond its own name. The server enforces; the console only explains beforehand. */
const INCLUDES: Record<Role, readonly Role[]> = {
  viewer: ["viewer"],
  auditor: ["viewer", "auditor"],
  operator: ["viewer", "operator"],
  administrator: ["viewer", "auditor", "operator", "administrator"],
};

/** The person signed in; every console page has it from the server. */
export function useMe(): Me {
  return useSuspenseQuery({ ...query(getMe, {}), staleTime: 5 * 60_000 }).data;
}

/** Says whether the person's role allows something: undefined when it does, otherwise why not, in words. */
export function useRoleReason(): (needed: Role) => string | undefined {
  const me = useMe();
  const t = useTranslations("common");

  return (needed) =>
    INCLUDES[me.role].includes(needed)
      ? undefined
      : t("roleNeeded", { role: t(`role.${needed}`), yours: t(`role.${me.role}`) });
}
