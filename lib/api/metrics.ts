import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type DeploymentFigures, deploymentFigures } from "@/lib/core/readiness";

type Metrics = {
  readonly registry: Registry;
  readonly gauges: ReturnType<typeof createGauges>;
  readonly counters: ReturnType<typeof createEndpointCounters>;
  readonly requests: Counter<"operation" | "status">;
  readonly duration: Histogram<"operation">;
};

// Next bundles every route by itself; the process has one registry.
const holder = globalThis as { __kmipConsoleMetrics?: Metrics };

function createGauges(registry: Registry) {
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name: `kmip_console_${name}`, help, labelNames, registers });

  return {
    instances: gauge("instances", "KMIP instances by status", ["status"]),
    keks: gauge("keks", "KEKs, all and active", ["kind"]),
    certificates: gauge("client_certificates", "Pinned client certificates", []),
    endpoints: gauge("endpoint_up", "Live KMIP listeners by zone", ["zone"]),
    connections: gauge("endpoint_connections", "Open KMIP connections by zone", ["zone"]),
    database: gauge("database_up", "1 when the figures of this answer could be read from the database", []),
  };
}

/** Counted by the listeners, told here: one series for each of them, which begins anew when it does. */
function createEndpointCounters(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labels: readonly Label[]) =>
    new Counter({
      name: `kmip_console_endpoint_${name}_total`,
      help: `${help}, by listener`,
      labelNames: ["zone", "node", ...labels] as const,
      registers,
    });

  return {
    accepted: counter("accepted_connections", "Connections of pinned certificates", []),
    handshakes: counter("failed_handshakes", "Connections that were not admitted", ["reason"]),
    messages: counter("messages", "Answered KMIP messages", []),
    operations: counter("operations", "Answered KMIP operations", ["operation", "result"]),
    limits: counter("limits_hit", "Times that a limit was hit", ["limit"]),
  };
}

/** In one go, or calls at the same time would add up. */
function updateCounters(all: Metrics["counters"], listeners: DeploymentFigures["counters"]): void {
  const { accepted, handshakes, messages, operations, limits } = all;
  for (const counter of Object.values(all)) counter.reset();
  for (const { id, zone, requests, counters } of listeners) {
    const of = { zone, node: id };
    accepted.inc(of, counters.accepted);
    messages.inc(of, requests);
    for (const [reason, count] of Object.entries(counters.failedHandshakes)) {
      handshakes.inc({ ...of, reason }, count);
    }
    for (const [limit, count] of Object.entries(counters.limits)) limits.inc({ ...of, limit }, count);
    for (const [operation, { success, failure }] of Object.entries(counters.operations)) {
      operations.inc({ ...of, operation, result: "success" }, success);
      operations.inc({ ...of, operation, result: "failure" }, failure);
    }
  }
}

/** Reads the deployment's figures anew. While the database is away, those of the process are still answered. */
async function updateFigures({ gauges, counters }: Metrics): Promise<void> {
  const { instances, keks, certificates, endpoints, connections, database } = gauges;
  for (const gauge of [instances, keks, certificates, endpoints, connections]) gauge.reset();
  try {
    const figures = await deploymentFigures();
    updateCounters(counters, figures.counters);
    for (const { status, count } of figures.instances) instances.set({ status }, count);
    keks.set({ kind: "all" }, figures.keks);
    keks.set({ kind: "active" }, figures.activeKeks);
    certificates.set(figures.clientCertificates);
    for (const { zone, up, connections: open } of figures.endpoints) {
      endpoints.set({ zone }, up);
      connections.set({ zone }, open);
    }
    database.set(1);
  } catch {
    updateCounters(counters, []);
    database.set(0);
  }
}

function create(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  return {
    registry,
    gauges: createGauges(registry),
    counters: createEndpointCounters(registry),
    requests: new Counter({
      name: "kmip_console_api_requests_total",
      help: "Answered calls of the REST API",
      labelNames: ["operation", "status"] as const,
      registers: [registry],
    }),
    duration: new Histogram({
      name: "kmip_console_api_request_duration_seconds",
      help: "Time until the answer of a call of the REST API began",
      labelNames: ["operation"] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    }),
  };
}

function metrics(): Metrics {
  holder.__kmipConsoleMetrics ??= create();

  return holder.__kmipConsoleMetrics;
}

/** Notes an answered call. @param seconds until the answer began */
export function observeCall(operation: string, status: number, seconds: number): void {
  const { requests, duration } = metrics();
  requests.inc({ operation, status: String(status) });
  duration.observe({ operation }, seconds);
}

/** Everything in Prometheus' text format. */
export async function metricsText(): Promise<{ text: string; contentType: string }> {
  const all = metrics();
  const { registry } = all;
  // Before the registry writes itself: it would not wait for one gauge to fill another.
  await updateFigures(all);

  return { text: await registry.metrics(), contentType: registry.contentType };
}
