import { database } from "@/lib/db";

/** Those of the HPCS instances that have a KMIP instance, of whichever account. */
export async function takenKeyManagers(guids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await database().prisma.instance.findMany({
    where: { keyManagerKind: "hpcs", keyManagerGuid: { in: [...guids] } },
    select: { keyManagerGuid: true },
  });

  return new Set(rows.flatMap(({ keyManagerGuid }) => keyManagerGuid ?? []));
}
