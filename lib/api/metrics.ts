import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { connectionWaits, type DeploymentFigures, deploymentFigures } from "@/lib/core/readiness";
import { troubledKeyManagers } from "@/lib/key-managers/call-limits";
import { perProcess } from "@/lib/per-process";

type Metrics = {
  readonly registry: Registry;
  readonly gauges: ReturnType<typeof createGauges>;
  readonly counters: ReturnType<typeof createEndpointCounters>;
  readonly requests: Counter<"operation" | "status">;
  readonly duration: Histogram<"operation">;
};

function createGauges(registry: Registry) {
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name: `kmip_console_${name}`, help, labelNames, registers });

  return {
    instances: gauge("instances", "KMIP instances by status", ["status"]),
    keks: gauge("keks", "KEKs, all and active", ["kind"]),
    certificates: gauge("client_certificates", "Pinned client certificates", []),
    ending: gauge(
      "client_certificates_ending",
      "Pinned client certificates that have expired, or expire within 30 days",
      ["state"],
    ),
    endpoints: gauge("endpoint_up", "Live KMIP listeners that instances share, by zone", ["zone"]),
    dedicated: gauge("dedicated_endpoint_up", "Live KMIP listeners of one instance alone, by zone", ["zone"]),
    connections: gauge("endpoint_connections", "Open KMIP connections by zone", ["zone"]),
    circuits: gauge(
      "key_manager_circuit",
      "Key manager instances that were out since the process started: 0 back, 1 asked whether it is back, 2 out",
      ["zone", "node", "key_manager"],
    ),
    serverCertificates: gauge(
      "server_certificate_expiry_timestamp_seconds",
      "When the server certificates that the zones share end",
      ["certificate"],
    ),
    overdue: gauge("worker_overdue_seconds", "For how long work of the worker has been due, by job", ["job"]),
    waits: gauge("database_waiting", "Who waits for a connection in this process, by kind of work", ["work"]),
    endpointWaits: gauge("endpoint_database_waiting", "The same in the process of a listener", [
      "zone",
      "node",
    ]),
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
    outages: counter("key_manager_outages", "Times that a key manager instance was out", ["key_manager"]),
    limits: counter("limits_hit", "Times that a limit was hit", ["limit"]),
    audit: counter("audit_failures", "Group commits of the audit that failed", []),
  };
}

/** In one go, or calls at the same time would add up. */
function updateCounters(all: Metrics["counters"], listeners: DeploymentFigures["counters"]): void {
  const { accepted, handshakes, messages, operations, limits, outages, audit } = all;
  for (const counter of Object.values(all)) {
    counter.reset();
  }
  for (const { id, zone, requests, counters } of listeners) {
    const of = { zone, node: id };
    accepted.inc(of, counters.accepted);
    messages.inc(of, requests);
    audit.inc(of, counters.auditFailures);
    for (const [reason, count] of Object.entries(counters.failedHandshakes)) {
      handshakes.inc({ ...of, reason }, count);
    }
    for (const { instanceGuid, opened } of counters.keyManagers) {
      outages.inc({ ...of, key_manager: shortGuid(instanceGuid) }, opened);
    }
    for (const [limit, count] of Object.entries(counters.limits)) {
      limits.inc({ ...of, limit }, count);
    }
    for (const [operation, { success, failure }] of Object.entries(counters.operations)) {
      operations.inc({ ...of, operation, result: "success" }, success);
      operations.inc({ ...of, operation, result: "failure" }, failure);
    }
  }
}

/** Enough to find a key manager instance in the log; whose it is, the figures do not say. */
const shortGuid = (guid: string): string => guid.slice(0, 8);

const CIRCUIT_VALUES = { closed: 0, halfOpen: 1, open: 2 } as const;

/** What this process and the listeners know of key managers that were out. */
function updateCircuits(
  gauge: Metrics["gauges"]["circuits"],
  listeners: DeploymentFigures["counters"],
): void {
  const own = { zone: "", node: "web", keyManagers: troubledKeyManagers() };
  const others = listeners.map(({ id, zone, counters }) => ({
    zone: String(zone),
    node: id,
    keyManagers: counters.keyManagers,
  }));
  gauge.reset();
  for (const { zone, node, keyManagers } of [own, ...others]) {
    const worst = new Map<string, number>();
    for (const { instanceGuid, circuit } of keyManagers) {
      const name = shortGuid(instanceGuid);
      worst.set(name, Math.max(worst.get(name) ?? 0, CIRCUIT_VALUES[circuit]));
    }
    for (const [name, value] of worst) {
      gauge.set({ zone, node, key_manager: name }, value);
    }
  }
}

/** Reads the deployment's figures anew. While the database is away, those of the process are still answered. */
async function updateFigures({ gauges, counters }: Metrics): Promise<void> {
  const { instances, keks, certificates, ending, endpoints, dedicated, connections, database } = gauges;
  const { serverCertificates, overdue, waits, endpointWaits } = gauges;
  for (const gauge of [instances, keks, certificates, ending, endpoints, dedicated, connections]) {
    gauge.reset();
  }
  for (const gauge of [serverCertificates, overdue, waits, endpointWaits]) {
    gauge.reset();
  }
  for (const [work, waiting] of Object.entries(connectionWaits())) {
    waits.set({ work }, waiting);
  }
  try {
    const figures = await deploymentFigures();
    updateCounters(counters, figures.counters);
    updateCircuits(gauges.circuits, figures.counters);
    for (const { status, count } of figures.instances) {
      instances.set({ status }, count);
    }
    keks.set({ kind: "all" }, figures.keks);
    keks.set({ kind: "active" }, figures.activeKeks);
    certificates.set(figures.clientCertificates);
    ending.set({ state: "expired" }, figures.endingCertificates.expired);
    ending.set({ state: "soon" }, figures.endingCertificates.soon);
    for (const { zone, up, dedicatedUp, connections: open } of figures.endpoints) {
      endpoints.set({ zone }, up);
      dedicated.set({ zone }, dedicatedUp);
      connections.set({ zone }, open);
    }
    for (const { id, notAfter } of figures.serverCertificates) {
      serverCertificates.set({ certificate: id }, notAfter);
    }
    for (const { job, seconds } of figures.overdue) {
      overdue.set({ job }, seconds);
    }
    for (const { id, zone, counters: of } of figures.counters) {
      endpointWaits.set({ zone, node: id }, of.databaseWaiting);
    }
    database.set(1);
  } catch {
    updateCounters(counters, []);
    updateCircuits(gauges.circuits, []);
    database.set(0);
  }
}

const metrics = perProcess<Metrics>("metrics", () => {
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
});

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
