import { listenerSettings } from "@/lib/core/endpoints/listener-settings";
import type { KmipPorts } from "@/lib/core/serving";
import type { Env } from "@/lib/env";
import { createKmipEngine, DEFAULT_IDENTITY, type KmipEngine } from "@/lib/kmip/engine/engine";
import type { OperationCounts } from "@/lib/kmip/engine/operation-counts";
import type { createLogger } from "@/lib/log";
import { openFilesLimit } from "../supervisor/open-files";

/** How long a listener that ends waits for what it has begun. */
export const DRAIN_MS = 5_000;

/** What all listeners of a zone's process share. */
export type ZoneProcess = {
  readonly zone: number;
  readonly port: number;
  readonly httpsPort: number | undefined;
  readonly settings: Env;
  readonly ports: KmipPorts;
  readonly logger: ReturnType<typeof createLogger>;
  readonly listener: ReturnType<typeof listenerSettings>;
  /** What monitoring wants to know of the process. */
  figures(): { readonly auditFailures: number; readonly databaseWaiting: number };
};

/** The ports of a zone. @throws Error if it has none */
export function zonePorts(zone: number, settings: Env): Pick<ZoneProcess, "port" | "httpsPort"> {
  const port = settings.KMIP_PORTS[zone - 1];

  if (port === undefined) {
    throw new Error(`KMIP_ZONE ${zone} has no port in KMIP_PORTS.`);
  }

  return { port, httpsPort: settings.KMIP_HTTPS_PORTS?.[zone - 1] };
}

/** What a listener may take of this machine; a warning if that is less than is configured. */
export function limitsHere({
  settings,
  httpsPort,
  logger,
}: Pick<ZoneProcess, "settings" | "httpsPort" | "logger">): ZoneProcess["listener"] {
  const listener = listenerSettings(settings, {
    openFiles: openFilesLimit(),
    listeners: httpsPort === undefined ? 1 : 2,
  });

  if (listener.shortOfFiles) {
    logger.warn(
      { maxConnections: listener.connectionLimits.maxConnections },
      "the limit of open files leaves room for fewer connections than are configured",
    );
  }

  return listener;
}

/** An engine on the process's ports that counts what it answers. */
export function createEngine(
  { ports, logger, settings }: ZoneProcess,
  counts: OperationCounts,
  overHttps: boolean,
): KmipEngine {
  return createKmipEngine({
    store: ports.store,
    audit: ports.audit,
    logger,
    identity: { ...DEFAULT_IDENTITY, overHttps },
    interop: settings.KMIP_INTEROP,
    onAnswered: (operation, succeeded) => counts.note(operation, succeeded),
  });
}
