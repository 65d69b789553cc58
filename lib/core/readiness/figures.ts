import { database } from "@/lib/db";
import { NOTICE_DAYS } from "../client-certificates";
import { liveCounters } from "../endpoints";
import { isLiving } from "../instance";

/** Figures of the whole deployment for monitoring; of no account in particular. */
export type DeploymentFigures = {
  readonly instances: readonly { readonly status: string; readonly count: number }[];
  readonly keks: number;
  readonly activeKeks: number;
  readonly clientCertificates: number;
  /** Of them, those that have expired and those that expire within 30 days. */
  readonly endingCertificates: { readonly expired: number; readonly soon: number };
  readonly endpoints: readonly {
    readonly zone: number;
    readonly up: number;
    /** Listeners that serve one instance alone; they are not in `up`. */
    readonly dedicatedUp: number;
    readonly connections: number;
    readonly requests: number;
  }[];
  /** When the server certificates of the zones end, in seconds since 1970. */
  readonly serverCertificates: readonly { readonly id: string; readonly notAfter: number }[];
  /** How many seconds the worker is behind, by job; 0 when nothing is due. */
  readonly overdue: readonly { readonly job: string; readonly seconds: number }[];
  /** What each live listener counted since it started. */
  readonly counters: Awaited<ReturnType<typeof liveCounters>>;
};

/** What the worker looks for at its rounds, and for how long the oldest of it has been due. */
const OVERDUE = `
  SELECT job, greatest(0, coalesce(extract(epoch FROM now() - due), 0))::float8 AS seconds
  FROM (
    SELECT 'permission-checks' AS job, (
      SELECT min(next_check_at) FROM instance i
      WHERE ${isLiving("i")} AND status IN ('installed', 'attention') AND crk_id IS NOT NULL
    ) AS due
    UNION ALL
    SELECT 'audit-intents', (SELECT min(alive_at) FROM audit_intent) + interval '30 seconds'
  ) work`;

/** Who waits for a connection to the database in this process, by kind of work. */
export function connectionWaits(): { readonly [work: string]: number } {
  return database().waiting();
}

/** Sums of counts that are maintained per instance, and what the endpoints told of themselves last. */
export async function deploymentFigures(): Promise<DeploymentFigures> {
  const { pool } = database();
  const [instances, endpoints, ending, certificates, overdue, counters] = await Promise.all([
    pool.query<{
      status: string;
      count: number;
      keks: number;
      activeKeks: number;
      clientCertificates: number;
    }>(
      `SELECT status::text, count(*)::int AS count, sum(kek_count)::float8 AS keks,
              sum(active_kek_count)::float8 AS "activeKeks",
              sum(client_certificate_count)::float8 AS "clientCertificates"
       FROM instance i WHERE ${isLiving("i")} GROUP BY status`,
    ),
    pool.query<{ zone: number; up: number; dedicatedUp: number; connections: number; requests: number }>(
      `SELECT zone, (count(*) FILTER (WHERE instance_id IS NULL))::int AS up,
              (count(*) FILTER (WHERE instance_id IS NOT NULL))::int AS "dedicatedUp",
              sum(connections)::int AS connections, sum(requests)::float8 AS requests
       FROM endpoint_node WHERE heartbeat_at >= now() - interval '15 seconds' GROUP BY zone`,
    ),
    pool.query<{ expired: number; soon: number }>(
      `SELECT (count(*) FILTER (WHERE c.not_after <= now()))::int AS expired,
              (count(*) FILTER (WHERE c.not_after > now()))::int AS soon
       FROM client_certificate c JOIN instance i ON i.id = c.instance_id
       WHERE c.not_after < now() + make_interval(days => $1) AND ${isLiving("i")} AND i.status <> 'removing'`,
      [NOTICE_DAYS],
    ),
    pool.query<{ id: string; notAfter: number }>(
      `SELECT id, extract(epoch FROM not_after)::float8 AS "notAfter" FROM tls_identity
       WHERE id LIKE 'zone-%' ORDER BY id`,
    ),
    pool.query<{ job: string; seconds: number }>(OVERDUE),
    liveCounters(),
  ]);
  const total = (value: (row: (typeof instances.rows)[number]) => number) =>
    instances.rows.reduce((sum, row) => sum + value(row), 0);

  return {
    instances: instances.rows.map(({ status, count }) => ({ status, count })),
    keks: total((row) => row.keks),
    activeKeks: total((row) => row.activeKeks),
    clientCertificates: total((row) => row.clientCertificates),
    endingCertificates: ending.rows[0] ?? { expired: 0, soon: 0 },
    endpoints: endpoints.rows,
    serverCertificates: certificates.rows,
    overdue: overdue.rows,
    counters,
  };
}
