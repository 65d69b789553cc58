"use client";

import { useSuspenseQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { query } from "@/lib/api/contract/query";
import { getMe } from "@/lib/api/me/operations";
import type { Me } from "@/lib/api/me/schemas";
import { type Role, roleIncludes } from "@/lib/roles";

/** The person signed in; every console page has it from the server. */
export function useMe(): Me {
  return useSuspenseQuery({ ...query(getMe, {}), staleTime: 5 * 60_000 }).data;
}

/** Says whether the person's role allows something: undefined when it does, otherwise why not, in words. */
export function useRoleReason(): (needed: Role) => string | undefined {
  const me = useMe();
  const t = useTranslations("common");

  return (needed) =>
    roleIncludes(me.role, needed)
      ? undefined
      : t("roleNeeded", { role: t(`role.${needed}`), yours: t(`role.${me.role}`) });
}
