import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { deploymentFigures } from "@/lib/core/readiness";

type Metrics = {
  readonly registry: Registry;
  readonly requests: Counter<"operation" | "status">;
  readonly duration: Histogram<"operation">;
};

// Next bundles every route by itself; the process has one registry.
const holder = globalThis as { __kmipConsoleMetrics?: Metrics };

function gauges(registry: Registry): void {
  const registers = [registry];
  const instances = new Gauge({
    name: "kmip_console_instances",
    help: "KMIP instances by status",
    labelNames: ["status"] as const,
    registers,
  });
  const keks = new Gauge({
    name: "kmip_console_keks",
    help: "KEKs, all and active",
    labelNames: ["kind"] as const,
    registers,
  });
  const certificates = new Gauge({
    name: "kmip_console_client_certificates",
    help: "Pinned client certificates",
    registers,
  });
  const endpoints = new Gauge({
    name: "kmip_console_endpoint_up",
    help: "Live KMIP listeners by zone",
    labelNames: ["zone"] as const,
    registers,
  });
  const connections = new Gauge({
    name: "kmip_console_endpoint_connections",
    help: "Open KMIP connections by zone",
    labelNames: ["zone"] as const,
    registers,
  });
  const database = new Gauge({
    name: "kmip_console_database_up",
    help: "1 when the figures of this answer could be read from the database",
    registers,
    // One query feeds all figures; a scrape while the database is away still gets those of the process.
    async collect() {
      for (const gauge of [instances, keks, endpoints, connections]) gauge.reset();
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
    },
  });
}

function create(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  gauges(registry);

  return {
    registry,
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
  const { registry } = metrics();

  return { text: await registry.metrics(), contentType: registry.contentType };
}
