import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { deploymentFigures } from "@/lib/core/readiness";

type Metrics = {
  readonly registry: Registry;
  readonly gauges: ReturnType<typeof createGauges>;
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

/** Reads the deployment's figures anew. While the database is away, those of the process are still answered. */
async function updateGauges(gauges: Metrics["gauges"]): Promise<void> {
  const { instances, keks, certificates, endpoints, connections, database } = gauges;
  for (const gauge of [instances, keks, certificates, endpoints, connections]) gauge.reset();
  try {
    const figures = await deploymentFigures();
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
    database.set(0);
  }
}

function create(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  return {
    registry,
    gauges: createGauges(registry),
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
  const { registry, gauges } = metrics();
  // Before the registry writes itself: it would not wait for one gauge to fill another.
  await updateGauges(gauges);

  return { text: await registry.metrics(), contentType: registry.contentType };
}
