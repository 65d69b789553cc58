import { randomUUID } from "node:crypto";
import { env } from "@/lib/env";
import { createLogger } from "@/lib/log";
import { type CertificateWithKey, createShortLivedClient } from "@/lib/x509";
import { type Actor, requireRole } from "../actor";
import { recordAction } from "../audit";
import { AppError } from "../errors";
import { requireInstance } from "../instance";
import { admitProbe, type ConnectionProbe, PROBE_SECONDS, withdrawProbe } from "./connection-probes";
import type { ConnectionReport, EndpointReport } from "./connection-report";
import { liveZones } from "./endpoint-nodes";
import { endpointsOf, type InstanceEndpoint } from "./instance-endpoints";
import { fingerprintOf, judgeConnection, tenths } from "./judge-connection";
import { type Address, reachEndpoint } from "./reach-endpoint";

/** The common name is what the list of refused handshakes shows of the stranger. */
const PROBE_NAME = "KMIP Console connection test";
const STRANGER_NAME = "KMIP Console connection test (unpinned)";
/** About as long as a test takes whose endpoints do not answer. */
const RETRY_SECONDS = 10;

/** Addresses that mean every one of a machine, and the one to call it by from itself. */
const UNSPECIFIED: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

type Clients = { readonly probe: CertificateWithKey; readonly stranger: CertificateWithKey };

/** Where an endpoint listens on this side of proxies and address translation, if that is another place. */
function insideAddress({ host, port }: InstanceEndpoint): Address | null {
  const { KMIP_HOST } = env();
  const inside = UNSPECIFIED.get(KMIP_HOST) ?? KMIP_HOST;

  return inside === host || KMIP_HOST === host ? null : { host: inside, port };
}

async function testEndpoint(
  endpoint: InstanceEndpoint,
  clients: Clients,
  alive: boolean,
): Promise<EndpointReport> {
  const { zone, host, port } = endpoint;
  const { sha256: serverSha256 } = endpoint.serverCertificate;
  const begun = performance.now();
  let probe = await reachEndpoint(endpoint, clients.probe, serverSha256);
  let inside: { address: Address; outside: typeof probe } | null = null;
  const address = probe.connected ? null : insideAddress(endpoint);
  if (address !== null) {
    const reached = await reachEndpoint(address, clients.probe, serverSha256);
    if (reached.connected) {
      inside = { address, outside: probe };
      probe = reached;
    }
  }

  const shown = fingerprintOf(probe.tls?.serverCertificate);
  const stranger =
    shown === serverSha256
      ? await reachEndpoint(inside?.address ?? endpoint, clients.stranger, serverSha256)
      : null;
  const checks = judgeConnection({
    zone,
    host,
    port,
    serverSha256,
    inside,
    probe,
    stranger,
    alive,
    now: new Date(),
  });

  return {
    zone,
    host,
    port,
    ok: checks.every(({ status }) => status !== "fail"),
    checks,
    tlsProtocol: probe.tls?.protocol ?? null,
    cipher: probe.tls?.cipher ?? null,
    serverCertificateSha256: shown,
    kmipVersions: probe.versions ?? [],
    milliseconds: tenths(performance.now() - begun),
  };
}

/** Ends the probe whatever became of the test; if the database is gone, its time runs out by itself. */
async function endProbe(probe: ConnectionProbe): Promise<void> {
  try {
    await withdrawProbe(probe);
  } catch (error) {
    createLogger("connection-test").warn(
      { err: error, instanceId: probe.instanceId },
      "the probe of a connection test was not withdrawn; it ends within a minute",
    );
  }
}

/**
 * Connects to every endpoint of an instance as its clients do, with a certificate and key that exist for this test
 * alone, and as somebody whom nobody let in. What is wrong is a finding of the report, not an error. The key stays in
 * the memory of this process; the certificate opens the instance for Discover Versions and Query until the test ends,
 * and for a minute at most.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_STATE when the instance serves nobody, RATE_LIMITED while another test
 *   of it runs, AUDIT_UNAVAILABLE
 */
export async function testConnection(actor: Actor, instanceId: string): Promise<ConnectionReport> {
  requireRole(actor, "operator");

  const instance = await requireInstance(actor, instanceId);
  if (instance.status !== "installed" && instance.status !== "attention") {
    throw new AppError("INVALID_STATE", `No endpoint serves an instance that is ${instance.status}.`);
  }

  const checkedAt = new Date();
  const [endpoints, alive, client, stranger] = await Promise.all([
    endpointsOf([instance]).then((all) => all.get(instanceId) ?? []),
    liveZones(instance.dedicated ? instanceId : null),
    createShortLivedClient({ commonName: PROBE_NAME, seconds: PROBE_SECONDS }),
    createShortLivedClient({ commonName: STRANGER_NAME, seconds: PROBE_SECONDS }),
  ]);
  const probe = { instanceId, sha256: client.sha256, testId: randomUUID() };
  if (!(await admitProbe(probe))) {
    throw new AppError("RATE_LIMITED", "Another connection test of this instance is running.", {
      extra: { retryAfterSeconds: RETRY_SECONDS },
    });
  }

  let reports: EndpointReport[];
  try {
    reports = await Promise.all(
      endpoints.map((endpoint) =>
        testEndpoint(endpoint, { probe: client, stranger }, alive.has(endpoint.zone)),
      ),
    );
  } finally {
    await endProbe(probe);
  }

  const ok = reports.length > 0 && reports.every((report) => report.ok);
  await recordAction(actor, {
    action: "vmware-solutions.connection-test.run",
    target: { id: instanceId, name: instance.name },
    instanceId,
    requestData: { connectionTest: probe.testId, certificateSha256: probe.sha256 },
    responseData: {
      ok,
      endpoints: reports.map(({ zone, host, port, checks }) => ({
        zone,
        address: `${host}:${port}`,
        failed: checks.filter(({ status }) => status === "fail").map(({ code }) => code),
      })),
    },
  });

  return { ok, checkedAt, endpoints: reports };
}
