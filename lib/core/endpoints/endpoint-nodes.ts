import { z } from "zod";
import { database } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { isLiving } from "../instance";

/** One running (or lost) KMIP listener. */
export type EndpointNodeView = {
  readonly id: string;
  readonly zone: number;
  readonly host: string;
  readonly port: number;
  /** The only instance that a dedicated listener serves; null for those that all others share. */
  readonly instanceId: string | null;
  readonly instanceName: string | null;
  readonly version: string;
  /** `down` when it has not been heard of for 15 seconds. */
  readonly health: "up" | "down";
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  readonly connections: number;
  readonly requests: number;
  readonly failedHandshakes: readonly FailedHandshakeView[];
};

const failedHandshake = z.object({
  at: z.iso.datetime(),
  remoteAddress: z.string(),
  certificateSha256: z.string().nullable(),
  subject: z.string().nullable(),
  reason: z.string(),
  detail: z.string(),
});

type FailedHandshakeView = z.output<typeof failedHandshake>;

const counts = z.record(z.string(), z.number());
const endpointCounters = z.object({
  /** Admitted connections. */
  accepted: z.number(),
  failedHandshakes: counts,
  operations: z.record(z.string(), z.object({ success: z.number(), failure: z.number() })),
  limits: counts,
  /** Key manager instances that were out at some time since the start; older versions tell nothing of them. */
  keyManagers: z
    .array(
      z.object({
        instanceGuid: z.string(),
        endpoint: z.string(),
        circuit: z.enum(["closed", "open", "halfOpen"]),
        opened: z.number(),
      }),
    )
    .default([]),
  /** Of the process, told by its shared listener: group commits of the audit that failed. */
  auditFailures: z.number().default(0),
  /** Likewise: who waits for a connection to the database now. */
  databaseWaiting: z.number().default(0),
});

/** What happened at a listener since it started, for monitoring. Names are of reasons, operations and limits only. */
export type EndpointCounters = z.output<typeof endpointCounters>;

/** What a listener tells of itself every few seconds. */
export type Heartbeat = {
  /** Chosen at the start of the process. */
  readonly id: string;
  readonly zone: number;
  readonly host: string;
  readonly port: number;
  /** The only instance that a dedicated listener serves. */
  readonly instanceId?: string;
  readonly version: string;
  readonly startedAt: Date;
  /** Open now. */
  readonly connections: number;
  /** Since the start. */
  readonly requests: number | bigint;
  /** The last ones, newest first. */
  readonly failedHandshakes: readonly {
    readonly at: Date;
    readonly remoteAddress: string;
    readonly certificateSha256: string | null;
    readonly subject: string | null;
    readonly reason: string;
    readonly detail: string;
  }[];
  readonly counters: z.input<typeof endpointCounters>;
};

/** A node that has been silent for longer is down. Listeners beat every five seconds. */
const HEARTBEAT_TIMEOUT_SECONDS = 15;
const KEPT_HANDSHAKES = 50;
/** Nodes that stopped for good disappear after this. */
const FORGET_AFTER_HOURS = 24;
/** Listeners that are told of: two zones with a full range of dedicated ports each, and room for restarts. */
const MAX_NODES = 1_000;

/**
 * Notes that a listener lives. Its silent predecessors on the same address are forgotten, and nodes that have been
 * silent for a day. All times of heartbeats are the database's, so that clocks of nodes do not matter.
 */
export async function recordHeartbeat(heartbeat: Heartbeat): Promise<void> {
  const handshakes = heartbeat.failedHandshakes.slice(0, KEPT_HANDSHAKES).map((item) => ({
    ...item,
    at: item.at.toISOString(),
    // PostgreSQL takes no NUL in JSON, and a subject is whatever a stranger wrote.
    subject: item.subject?.replace(/[\p{Cc}\p{Cs}]/gu, "\uFFFD") ?? null,
    detail: item.detail.replace(/[\p{Cc}\p{Cs}]/gu, "\uFFFD"),
  }));
  const { pool } = database();
  await pool.query(
    `INSERT INTO endpoint_node
       (id, zone, host, port, version, started_at, heartbeat_at, connections, requests, failed_handshakes, counters,
        instance_id)
     VALUES ($1, $2, $3, $4, $5, $6, now(), $7, $8, $9, $10, $11)
     ON CONFLICT (id) DO UPDATE SET zone = excluded.zone, host = excluded.host, port = excluded.port,
       version = excluded.version, heartbeat_at = now(), connections = excluded.connections,
       requests = excluded.requests, failed_handshakes = excluded.failed_handshakes, counters = excluded.counters`,
    [
      heartbeat.id,
      heartbeat.zone,
      heartbeat.host,
      heartbeat.port,
      heartbeat.version,
      heartbeat.startedAt,
      heartbeat.connections,
      String(heartbeat.requests),
      JSON.stringify(handshakes),
      JSON.stringify(heartbeat.counters),
      heartbeat.instanceId ?? null,
    ],
  );
  await pool.query(
    `DELETE FROM endpoint_node WHERE id <> $1 AND (
       (zone = $2 AND host = $3 AND port = $4 AND heartbeat_at < now() - make_interval(secs => $5))
       OR heartbeat_at < now() - make_interval(hours => $6))`,
    [
      heartbeat.id,
      heartbeat.zone,
      heartbeat.host,
      heartbeat.port,
      HEARTBEAT_TIMEOUT_SECONDS,
      FORGET_AFTER_HOURS,
    ],
  );
}

/** Forgets a listener that stops in good order. */
export async function removeEndpointNode(id: string): Promise<void> {
  await database().pool.query("DELETE FROM endpoint_node WHERE id = $1", [id]);
}

type Row = {
  id: string;
  zone: number;
  host: string;
  port: number;
  instance_id: string | null;
  instance_name: string | null;
  version: string;
  started_at: Date;
  heartbeat_at: Date;
  connections: number;
  requests: string;
  failed_handshakes: unknown;
  up: boolean;
};

/**
 * The KMIP listeners of the deployment: the shared ones, and those of the account's own instances.
 * @throws AppError FORBIDDEN
 */
export async function listEndpointNodes(actor: Actor): Promise<EndpointNodeView[]> {
  requireRole(actor, "viewer");

  const { rows } = await database().pool.query<Row>(
    `SELECT n.*, i.name AS instance_name, n.heartbeat_at >= now() - make_interval(secs => $1) AS up
     FROM endpoint_node n LEFT JOIN instance i ON i.id = n.instance_id
     WHERE n.instance_id IS NULL OR (i.account_id = $2 AND ${isLiving("i")})
     ORDER BY n.instance_id NULLS FIRST, n.zone, n.host, n.port, n.started_at LIMIT $3`,
    [HEARTBEAT_TIMEOUT_SECONDS, actor.accountId, MAX_NODES],
  );

  return rows.map((row) => ({
    id: row.id,
    zone: row.zone,
    host: row.host,
    port: row.port,
    instanceId: row.instance_id,
    instanceName: row.instance_name,
    version: row.version,
    health: row.up ? "up" : "down",
    startedAt: row.started_at,
    heartbeatAt: row.heartbeat_at,
    connections: row.connections,
    requests: Number(row.requests),
    failedHandshakes: z.array(failedHandshake).catch([]).parse(row.failed_handshakes),
  }));
}

/**
 * Zones with at least one live listener.
 * @param instanceId of a dedicated listener; null for the shared ones, which readiness is about
 */
export async function liveZones(instanceId: string | null = null): Promise<ReadonlySet<number>> {
  const { rows } = await database().pool.query<{ zone: number }>(
    `SELECT DISTINCT zone FROM endpoint_node
     WHERE heartbeat_at >= now() - make_interval(secs => $1) AND instance_id IS NOT DISTINCT FROM $2`,
    [HEARTBEAT_TIMEOUT_SECONDS, instanceId],
  );

  return new Set(rows.map(({ zone }) => zone));
}

/** What the live listeners of the deployment counted since each of them started. */
export async function liveCounters(): Promise<
  {
    readonly id: string;
    readonly zone: number;
    readonly requests: number;
    readonly counters: EndpointCounters;
  }[]
> {
  const { rows } = await database().pool.query<Pick<Row, "id" | "zone" | "requests"> & { counters: unknown }>(
    `SELECT id, zone, requests, counters FROM endpoint_node
     WHERE heartbeat_at >= now() - make_interval(secs => $1) ORDER BY zone, id LIMIT $2`,
    [HEARTBEAT_TIMEOUT_SECONDS, MAX_NODES],
  );

  return rows.flatMap(({ id, zone, requests, counters }) => {
    // An older version tells nothing.
    const parsed = endpointCounters.safeParse(counters);

    return parsed.success ? [{ id, zone, requests: Number(requests), counters: parsed.data }] : [];
  });
}
