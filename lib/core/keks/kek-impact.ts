import { uuid7Floor } from "@/lib/audit/uuid7";
import { database } from "@/lib/db";
import { stateAt } from "@/lib/kmip/attributes/lifecycle";
import { type Actor, requireRole } from "../actor";
import { requireInstance } from "../instance";
import { type KekState, type RevocationOutcome, revocationOutcomes, stateName } from "./kek-states";
import { etagOf, type KekView } from "./kek-view";
import { requireKekRow } from "./read-keks";

/** What breaks when a KEK is taken out of service. */
export type KekImpactView = {
  readonly uniqueIdentifier: string;
  readonly state: KekState;
  readonly served: boolean;
  readonly lastServedAt: Date | null;
  readonly lastServedTo: KekView["lastServedTo"];
  readonly servedCount: number;
  readonly servedLast24h: number;
  /** Who got the key in the last 30 days, most recent first. */
  readonly clients: readonly {
    readonly certificateId: string;
    readonly name: string | null;
    readonly times: number;
    readonly lastAt: Date;
  }[];
  /** What revoking it leads to; empty when it is destroyed. */
  readonly revocations: readonly RevocationOutcome[];
  readonly etag: string;
};

const DAY_MS = 86_400_000;
/** Reads of one KEK that are looked at; a busier one is in use beyond doubt. */
const MAX_READS = 20_000;

const READS = `
  WITH reads AS (
    SELECT e.event_time, e.event::jsonb #>> '{requestData,certificateId}' AS certificate_id
    FROM audit_event e
    WHERE e.account_id = $1 AND e.target_id = $2 AND e.instance_id = $3 AND e.id >= $4
      AND e.action = 'vmware-solutions.kmip-key.read' AND e.outcome = 'success'
    ORDER BY e.id DESC LIMIT ${MAX_READS}
  )
  SELECT r.certificate_id AS "certificateId", c.name, count(*)::int AS times, max(r.event_time) AS "lastAt",
         (count(*) FILTER (WHERE r.event_time >= $5))::int AS "last24h"
  FROM reads r LEFT JOIN client_certificate c ON c.id = r.certificate_id::uuid AND c.instance_id = $3
  WHERE r.certificate_id IS NOT NULL
  GROUP BY 1, 2 ORDER BY 4 DESC`;

/**
 * Who would miss a KEK, from the audit of the last 30 days.
 * @throws AppError FORBIDDEN, NOT_FOUND
 */
export async function kekImpact(
  actor: Actor,
  instanceId: string,
  uniqueIdentifier: string,
  now: Date = new Date(),
): Promise<KekImpactView> {
  requireRole(actor, "viewer");
  await requireInstance(actor, instanceId);

  const row = await requireKekRow(instanceId, uniqueIdentifier);
  const { rows: clients } = await database().pool.query<{
    certificateId: string;
    name: string | null;
    times: number;
    lastAt: Date;
    last24h: number;
  }>(READS, [
    actor.accountId,
    uniqueIdentifier,
    instanceId,
    uuid7Floor(new Date(now.getTime() - 30 * DAY_MS)),
    new Date(now.getTime() - DAY_MS),
  ]);

  const state = stateAt(row, now);

  return {
    uniqueIdentifier,
    state: stateName(state),
    served: row.served,
    lastServedAt: row.lastServedAt,
    lastServedTo:
      row.lastServedTo === null
        ? null
        : { id: row.lastServedTo, name: row.lastServedToName, address: row.lastServedAddress },
    servedCount: Number(row.servedCount),
    servedLast24h: clients.reduce((sum, client) => sum + client.last24h, 0),
    clients: clients.map(({ certificateId, name, times, lastAt }) => ({
      certificateId,
      name,
      times,
      lastAt,
    })),
    revocations: revocationOutcomes(state),
    etag: etagOf(row),
  };
}
