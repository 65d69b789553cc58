"use client";

import { useTranslations } from "next-intl";
import type { EndpointNode } from "@/lib/api/endpoints/schemas";
import type { Messages } from "@/lib/i18n/messages";

type Failure = EndpointNode["failedHandshakes"][number];
type Reason = keyof Messages["endpoints"]["reason"];
type TlsCode = keyof Messages["endpoints"]["tls"];

/** The code that the detail of a failure of TLS begins with (lib/kmip/transport/failed-handshakes); null without one. */
export function tlsCodeOf({ reason, detail }: Pick<Failure, "reason" | "detail">): string | null {
  return reason === "tls-error" ? (/^(ERR_[A-Z0-9_]+): /.exec(detail)?.[1] ?? null) : null;
}

/**
 * Words why a handshake came to nothing, and what to do where something can be done; an unknown reason shows the
 * server's own detail.
 */
export function useFailureWords(): (failure: Pick<Failure, "reason" | "detail">) => string {
  const t = useTranslations("endpoints");

  return (failure) => {
    const reason = failure.reason as Reason;
    const code = tlsCodeOf(failure) as TlsCode | null;
    if (code !== null && t.has(`tls.${code}`)) {
      return t(`tls.${code}`);
    }

    return t.has(`reason.${reason}`) ? t(`reason.${reason}`) : failure.detail;
  };
}
