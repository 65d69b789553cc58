import { database } from "@/lib/db";
import type { Prisma } from "@/lib/db/generated/client";
import { type Env, env } from "@/lib/env";
import { AppError } from "../errors";
import { isLiving, LIVING } from "../instance";

type PortSettings = Pick<
  Env,
  "KMIP_DEDICATED_PORTS" | "KMIP_PORTS" | "KMIP_HTTPS_PORTS" | "PORT" | "SANDBOX_PORT"
>;

/** Any fixed number: ports are given out one instance after the other. */
const ADVISORY_LOCK = 72_707_372;

/** The ports of a zone: the range is split evenly, the first part for zone 1, and so on. */
export function dedicatedRange(zone: number, settings: PortSettings): { from: number; to: number } {
  const { from, to } = settings.KMIP_DEDICATED_PORTS;
  const size = Math.floor((to - from + 1) / settings.KMIP_PORTS.length);
  const start = from + (zone - 1) * size;

  return { from: start, to: start + size - 1 };
}

/**
 * Free ports for the zones: in each its own range, and where it can be at the same place in all of them, so that who
 * knows one port knows the others.
 * @returns null when a zone has none left
 */
export function chooseDedicatedPorts(
  zones: readonly number[],
  taken: ReadonlySet<number>,
  settings: PortSettings,
): ReadonlyMap<number, number> | null {
  const reserved = new Set<number | "off">([
    ...settings.KMIP_PORTS,
    ...(settings.KMIP_HTTPS_PORTS ?? []),
    settings.PORT,
    settings.SANDBOX_PORT,
  ]);
  const isFree = (port: number) => !taken.has(port) && !reserved.has(port);
  const ranges = zones.map((zone) => ({ zone, ...dedicatedRange(zone, settings) }));
  const size = Math.max(0, ...ranges.map(({ from, to }) => to - from + 1));

  for (let place = 0; place < size; place += 1) {
    if (ranges.every(({ from }) => isFree(from + place))) {
      return new Map(ranges.map(({ zone, from }) => [zone, from + place]));
    }
  }

  const chosen = new Map<number, number>();
  for (const { zone, from, to } of ranges) {
    const port = Array.from({ length: Math.max(0, to - from + 1) }, (_, place) => from + place).find(isFree);
    if (port === undefined) {
      return null;
    }
    chosen.set(zone, port);
  }

  return chosen;
}

/**
 * Gives an instance a port in every zone where it has none yet. What it has it keeps, whatever became of the settings:
 * vCenter knows it. A deleted instance's ports are anybody's, but given out only when there are no others, so that an
 * undo finds them again.
 * @throws AppError NOT_AVAILABLE when no port is left
 */
export async function assignDedicatedPorts(tx: Prisma.TransactionClient, instanceId: string): Promise<void> {
  const settings = env();
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`;
  const all = await tx.dedicatedEndpoint.findMany({
    select: { instanceId: true, zone: true, port: true, instance: { select: { deletedAt: true } } },
  });
  const own = new Set(all.filter((row) => row.instanceId === instanceId).map(({ zone }) => zone));
  const missing = settings.KMIP_PORTS.map((_, index) => index + 1).filter((zone) => !own.has(zone));
  if (missing.length === 0) {
    return;
  }

  const choose = (rows: typeof all) =>
    chooseDedicatedPorts(missing, new Set(rows.map(({ port }) => port)), settings);
  const isKept = (row: (typeof all)[number]) =>
    row.instanceId === instanceId || row.instance.deletedAt === null;
  const ports = choose(all) ?? choose(all.filter(isKept));
  if (ports === null) {
    const { from, to } = settings.KMIP_DEDICATED_PORTS;
    throw new AppError(
      "NOT_AVAILABLE",
      `Every port of KMIP_DEDICATED_PORTS (${from}-${to}) is another instance's. Widen the range and start again.`,
    );
  }

  await tx.dedicatedEndpoint.deleteMany({
    where: { port: { in: [...ports.values()] }, NOT: { instance: LIVING } },
  });
  await tx.dedicatedEndpoint.createMany({
    data: [...ports].map(([zone, port]) => ({ instanceId, zone, port })),
  });
}

/** Instances that have a listener of their own. */
export async function dedicatedInstanceIds(): Promise<string[]> {
  const { rows } = await database().pool.query<{ id: string }>(
    `SELECT id FROM instance i WHERE dedicated AND ${isLiving("i")} ORDER BY id`,
  );

  return rows.map(({ id }) => id);
}
