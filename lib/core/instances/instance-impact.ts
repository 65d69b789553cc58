import { database } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { type InstanceRow, requireInstance } from "../instance";
import { type KekRow, SELECT_KEKS, toKek } from "../keks/kek-view";
import { VISIBLE } from "../serving/objects";

/**
 * Why an instance counts as in use. The KMIP state says nothing of it: many clients never activate a key that they use
 * every day.
 */
export type InUseReason =
  | { readonly code: "KEKS_NOT_DESTROYED"; readonly count: number }
  | {
      readonly code: "CLIENTS_CONNECTED";
      readonly count: number;
      readonly clients: readonly { readonly id: string; readonly name: string; readonly lastSeenAt: Date }[];
    };

/** What a client told of whom a KEK is for. */
type KekUser = {
  /** `x-Name`: a VM's or a host's. */
  readonly name: string;
  /** `x-Component` */
  readonly component: string | null;
  readonly lastServedAt: Date | null;
};

/** What deleting an instance breaks. */
export type InstanceImpact = {
  readonly inUse: boolean;
  readonly reasons: readonly InUseReason[];
  /** KEKs that are not destroyed, by serving state. */
  readonly keks: {
    readonly total: number;
    /** Served or made in the last 90 days. */
    readonly served: number;
    /** Neither for 90 days. */
    readonly unused: number;
    readonly blocked: number;
    /** False where there are more than were looked at: then the three add up to less than the total. */
    readonly complete: boolean;
  };
  readonly lastServedAt: Date | null;
  readonly lastServedTo: {
    readonly id: string;
    readonly name: string | null;
    readonly address: string | null;
  } | null;
  /** Whom the KEKs are for, those served last first. */
  readonly users: readonly KekUser[];
};

const DAY_MS = 86_400_000;
const UNUSED_DAYS = 90;
/** So many KEKs are looked at, whatever an instance holds. */
const COUNTED_KEKS = 100_000;
const READ_FOR_USERS = 200;
const SHOWN_USERS = 10;
const SHOWN_CLIENTS = 10;

/** What speaks against deleting an instance; certificates that were removed make no KEK less used. */
export async function reasonsAgainstDeletion(
  row: InstanceRow,
  now: Date = new Date(),
): Promise<InUseReason[]> {
  const { prisma } = database();
  const where = { instanceId: row.id, lastSeenAt: { gt: new Date(now.getTime() - DAY_MS) } };
  const connected = await prisma.clientCertificate.count({ where });
  const clients =
    connected === 0
      ? []
      : await prisma.clientCertificate.findMany({
          where,
          orderBy: { lastSeenAt: "desc" },
          take: SHOWN_CLIENTS,
          select: { id: true, name: true, lastSeenAt: true },
        });

  return [
    // The instance counts what it keeps: every KEK that is not destroyed.
    ...(row.kekCount > 0 ? [{ code: "KEKS_NOT_DESTROYED", count: row.kekCount } as const] : []),
    ...(connected > 0
      ? [
          {
            code: "CLIENTS_CONNECTED",
            count: connected,
            clients: clients.flatMap(({ id, name, lastSeenAt }) =>
              lastSeenAt === null ? [] : { id, name, lastSeenAt },
            ),
          } as const,
        ]
      : []),
  ];
}

async function countByServing(instanceId: string, now: Date) {
  const { rows } = await database().pool.query<{
    counted: number;
    served: number;
    unused: number;
    blocked: number;
  }>(
    `SELECT count(*)::int AS counted, (count(*) FILTER (WHERE NOT k.served))::int AS blocked,
            (count(*) FILTER (WHERE k.served AND k.used))::int AS served,
            (count(*) FILTER (WHERE k.served AND NOT k.used))::int AS unused
     FROM (
       SELECT o.served, greatest(o.created_at, o.last_served_at) >= $2 AS used FROM managed_object o
       WHERE o.instance_id = $1 AND o.storage = 'stored' LIMIT ${COUNTED_KEKS}
     ) k`,
    [instanceId, new Date(now.getTime() - UNUSED_DAYS * DAY_MS)],
  );

  return rows[0] ?? { counted: 0, served: 0, unused: 0, blocked: 0 };
}

/** The KEKs that were served last, then the newest of those that never were. */
async function latestKeks(instanceId: string, now: Date) {
  const read = (condition: string, order: string) =>
    database().pool.query<KekRow>(
      `${SELECT_KEKS} WHERE o.instance_id = $1 AND o.storage IN ${VISIBLE} AND o.storage = 'stored' AND ${condition}
       ORDER BY ${order} LIMIT ${READ_FOR_USERS}`,
      [instanceId],
    );
  const [served, never] = await Promise.all([
    read("o.last_served_at IS NOT NULL", "o.last_served_at DESC, o.unique_identifier DESC"),
    read("o.last_served_at IS NULL", "o.created_at DESC, o.unique_identifier DESC"),
  ]);

  return [...served.rows, ...never.rows].map((row) => toKek(row, now));
}

function usersOf(keks: Awaited<ReturnType<typeof latestKeks>>): KekUser[] {
  const users = new Map<string, KekUser>();
  for (const { attributes, lastServedAt } of keks) {
    const name = attributes["x-Name"]?.[0];
    if (name !== undefined && !users.has(name)) {
      users.set(name, { name, component: attributes["x-Component"]?.[0] ?? null, lastServedAt });
    }
  }

  return [...users.values()].slice(0, SHOWN_USERS);
}

/**
 * What deleting an instance breaks: its KEKs by serving state, the last use, who was connected, whom they are for.
 * @throws AppError FORBIDDEN, NOT_FOUND
 */
export async function instanceImpact(
  actor: Actor,
  instanceId: string,
  now: Date = new Date(),
): Promise<InstanceImpact> {
  requireRole(actor, "viewer");

  const row = await requireInstance(actor, instanceId);
  const [reasons, { counted, ...states }, keks] = await Promise.all([
    reasonsAgainstDeletion(row, now),
    countByServing(instanceId, now),
    latestKeks(instanceId, now),
  ]);
  const [last] = keks;

  return {
    inUse: reasons.length > 0,
    reasons,
    keks: {
      // A count that was read a moment before or after says no less than what was seen.
      total: counted < COUNTED_KEKS ? counted : Math.max(counted, row.kekCount),
      ...states,
      complete: counted < COUNTED_KEKS,
    },
    lastServedAt: last?.lastServedAt ?? null,
    lastServedTo: last?.lastServedTo ?? null,
    users: usersOf(keks),
  };
}
