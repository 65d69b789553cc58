import { recordHeartbeat, removeEndpointNode } from "@/lib/core/endpoints";
import { createDedicatedListeners, type DedicatedListeners } from "@/lib/core/endpoints/dedicated-listeners";
import { OperationCounts } from "@/lib/kmip/engine/operation-counts";
import { ConnectionLimits, createKmipServer } from "@/lib/kmip/transport/server";
import { heartbeatFigures, newNode } from "./heartbeat";
import { createEngine, DRAIN_MS, type ZoneProcess } from "./zone";

/** The listeners of one instance alone. Each has limits, counts and a heartbeat of its own. */
export function openDedicatedListeners(place: ZoneProcess): DedicatedListeners {
  const { zone, settings, ports, logger, listener } = place;

  return createDedicatedListeners({
    zone,
    events: ports.events,
    logger,
    drainMs: DRAIN_MS,
    open(instanceId, port, certificates) {
      const connectionLimits = new ConnectionLimits(listener.connectionLimits);
      const operations = new OperationCounts();
      const server = createKmipServer({
        host: settings.KMIP_HOST,
        port,
        tls: { ...certificates, ...listener.tls },
        engine: createEngine(place, operations, false),
        tenants: ports.tenants.dedicatedTo(instanceId),
        logger,
        connectionLimits,
        limits: { maxHandshakes: listener.maxHandshakes, idleTimeoutMs: listener.idleTimeoutMs },
      });
      const node = { ...newNode(place, port), instanceId };

      return {
        server,
        renew: (next) => server.updateTls({ ...next, ...listener.tls }),
        beat: () => recordHeartbeat({ ...node, ...heartbeatFigures([server], operations, connectionLimits) }),
        forget: () => removeEndpointNode(node.id),
      };
    },
  });
}
