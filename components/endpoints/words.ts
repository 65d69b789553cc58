"use client";

import { useTranslations } from "next-intl";
import type { EndpointNode } from "@/lib/api/endpoints/schemas";
import type { Messages } from "@/lib/i18n/messages";

type Failure = EndpointNode["failedHandshakes"][number];
type Reason = keyof Messages["endpoints"]["reason"];

/** Words why a handshake came to nothing; an unknown reason shows the server's own detail. */
export function useFailureWords(): (failure: Pick<Failure, "reason" | "detail">) => string {
  const t = useTranslations("endpoints.reason");

  return ({ reason, detail }) => {
    const known = reason as Reason;

    return t.has(known) ? t(known) : detail;
  };
}
