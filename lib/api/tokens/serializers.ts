import type { ApiTokenView } from "@/lib/core/tokens";
import type { ApiToken } from "./schemas";

export function serializeToken(view: ApiTokenView): ApiToken {
  return {
    ...view,
    createdAt: view.createdAt.toISOString(),
    expiresAt: view.expiresAt?.toISOString() ?? null,
    lastUsedAt: view.lastUsedAt?.toISOString() ?? null,
    revokedAt: view.revokedAt?.toISOString() ?? null,
  };
}
