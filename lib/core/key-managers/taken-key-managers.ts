import { database } from "@/lib/db";
import type { Provider } from "@/lib/key-managers/provider";
import { LIVING } from "../instance";

/**
 * What a KMIP instance claims of its key manager instance where that can have one only: the database lets nobody else
 * have the same. Null where several may share it.
 */
export function claimOf(provider: Provider, guid: string): string | null {
  return provider.oneInstanceEach ? `${provider.kind}/${guid}` : null;
}

/** Those of the key manager instances that have a KMIP instance and can have one only, whichever account's it is. */
export async function takenKeyManagers(
  provider: Provider,
  guids: readonly string[],
): Promise<ReadonlySet<string>> {
  const claims = guids.flatMap((guid) => claimOf(provider, guid) ?? []);

  if (claims.length === 0) {
    return new Set();
  }

  const rows = await database().prisma.instance.findMany({
    where: { keyManagerClaim: { in: claims }, ...LIVING },
    select: { keyManagerClaim: true },
  });
  const taken = new Set(rows.map(({ keyManagerClaim }) => keyManagerClaim));

  return new Set(guids.filter((guid) => taken.has(claimOf(provider, guid))));
}
