import {
  joinPem,
  KEY_TYPES,
  loadTlsIdentity,
  recordHeartbeat,
  removeEndpointNode,
} from "@/lib/core/endpoints";
import { troubledKeyManagers } from "@/lib/key-managers/call-limits";
import { OperationCounts } from "@/lib/kmip/engine/operation-counts";
import { createKmipHttpsServer } from "@/lib/kmip/transport/https-server";
import { ConnectionLimits, createKmipServer, type ServerTls } from "@/lib/kmip/transport/server";
import { heartbeatFigures, newNode } from "./heartbeat";
import { createEngine, DRAIN_MS, type ZoneProcess } from "./zone";

/** The listeners of a zone for all instances that have none of their own. */
export type SharedListeners = {
  listen(): Promise<void>;
  /** Takes over certificates that were made anew. */
  renew(): Promise<void>;
  /** Tells that they live, and what happened at them and at the key managers. */
  beat(): Promise<void>;
  close(): Promise<void>;
  /** They are closed: nothing is told of them any more. */
  forget(): Promise<void>;
};

/** The zone's certificates, ECDSA and RSA side by side. */
async function readCertificates(zone: number): Promise<Pick<ServerTls, "cert" | "key">> {
  const identities = await Promise.all(KEY_TYPES.map((keyType) => loadTlsIdentity(zone, keyType)));

  return {
    cert: identities.map(({ certificatePem, authorityPem }) => joinPem(certificatePem, authorityPem)),
    key: identities.map(({ privateKeyPem }) => privateKeyPem),
  };
}

/** Makes the zone's listener, and the one of KMIP over HTTPS if it has a port. They do not listen yet. */
export async function createSharedListeners(place: ZoneProcess): Promise<SharedListeners> {
  const { zone, port, httpsPort, settings, ports, logger, listener } = place;
  const operations = new OperationCounts();
  const connectionLimits = new ConnectionLimits(listener.connectionLimits);
  let certificates = await readCertificates(zone);
  const shared = {
    host: settings.KMIP_HOST,
    tls: { ...certificates, ...listener.tls },
    engine: createEngine(place, operations, httpsPort !== undefined),
    tenants: ports.tenants,
    logger,
    connectionLimits,
  };
  const limits = { maxHandshakes: listener.maxHandshakes };
  const servers = [
    createKmipServer({ ...shared, port, limits: { ...limits, idleTimeoutMs: listener.idleTimeoutMs } }),
    ...(httpsPort === undefined ? [] : [createKmipHttpsServer({ ...shared, port: httpsPort, limits })]),
  ];
  const node = newNode(place, port);

  return {
    async listen() {
      for (const server of servers) {
        await server.listen();
      }
    },
    async renew() {
      const next = await readCertificates(zone);

      if (String(next.cert) !== String(certificates.cert)) {
        for (const server of servers) {
          server.updateTls({ ...next, ...listener.tls });
        }

        certificates = next;
        logger.info({}, "server certificates renewed");
      }
    },
    beat() {
      const figures = heartbeatFigures(servers, operations, connectionLimits);

      return recordHeartbeat({
        ...node,
        ...figures,
        counters: { ...figures.counters, ...place.figures(), keyManagers: troubledKeyManagers() },
      });
    },
    async close() {
      await Promise.all(servers.map((server) => server.close({ timeoutMs: DRAIN_MS })));
    },
    forget: () => removeEndpointNode(node.id),
  };
}
