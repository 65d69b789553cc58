import type { CallContext, KeyManager } from "@/lib/key-managers/key-manager";

/**
 * The part of a key manager that reads KEKs, all of whose calls carry one correlation id: that of the request for which
 * they are made. The key manager's own events then name the same id as ours.
 */
export function correlated(
  keyManager: Pick<KeyManager, "getStandardKey" | "unwrap">,
  correlationId: string | undefined,
): Pick<KeyManager, "getStandardKey" | "unwrap"> {
  if (correlationId === undefined) {
    return keyManager;
  }

  const tied = (context: CallContext): CallContext => ({ ...context, correlationId });

  return {
    getStandardKey: (id, context) => keyManager.getStandardKey(id, tied(context)),
    unwrap: (crkId, wrapped, aad, context) => keyManager.unwrap(crkId, wrapped, aad, tied(context)),
  };
}
