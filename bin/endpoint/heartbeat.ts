import { randomUUID } from "node:crypto";
import type { Heartbeat } from "@/lib/core/endpoints";
import type { OperationCounts } from "@/lib/kmip/engine/operation-counts";
import type { ConnectionLimits, KmipServerStats } from "@/lib/kmip/transport/server";
import { VERSION } from "@/lib/version";
import type { ZoneProcess } from "./zone";

type Listener = {
  stats(): Pick<
    KmipServerStats,
    "accepted" | "connections" | "failedHandshakeCounts" | "failedHandshakes" | "requests"
  >;
};

/** A node as the console lists it, new with every start. */
export function newNode({ zone, settings }: Pick<ZoneProcess, "zone" | "settings">, port: number) {
  return { id: randomUUID(), zone, host: settings.KMIP_HOST, port, version: VERSION, startedAt: new Date() };
}

/** Sums of counts by name. */
function sumByName(...all: readonly { readonly [name: string]: number }[]): Record<string, number> {
  const sums: Record<string, number> = {};

  for (const [name, count] of all.flatMap((counts) => Object.entries(counts))) {
    sums[name] = (sums[name] ?? 0) + count;
  }

  return sums;
}

/** What a heartbeat says of the listeners that share a node. Key managers are the process's, told by its shared node. */
export function heartbeatFigures(
  servers: readonly Listener[],
  operations: OperationCounts,
  connectionLimits: ConnectionLimits,
): Pick<Heartbeat, "connections" | "requests" | "failedHandshakes" | "counters"> {
  const listeners = servers.map((server) => server.stats());
  const sum = (count: (stats: (typeof listeners)[number]) => number): number =>
    listeners.reduce((total, stats) => total + count(stats), 0);

  return {
    connections: sum((stats) => stats.connections),
    requests: sum((stats) => stats.requests),
    failedHandshakes: listeners
      .flatMap((stats) => stats.failedHandshakes)
      .sort((a, b) => b.at.getTime() - a.at.getTime()),
    counters: {
      accepted: sum((stats) => stats.accepted),
      failedHandshakes: sumByName(...listeners.map((stats) => stats.failedHandshakeCounts)),
      operations: operations.byName(),
      limits: connectionLimits.limitsHit,
      keyManagers: [],
      auditFailures: 0,
      databaseWaiting: 0,
    },
  };
}
