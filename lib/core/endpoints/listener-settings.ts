import type { Env } from "@/lib/env";
import {
  type ConnectionLimitSettings,
  DEFAULT_ADMISSION_LIMITS,
  DEFAULT_CONNECTION_LIMITS,
  type ServerTls,
  tlsPolicy,
} from "@/lib/kmip/transport/server";

/** What the environment says about the listeners of an endpoint. */
export type ListenerSettings = {
  readonly tls: Required<Pick<ServerTls, "minVersion" | "suites">>;
  readonly connectionLimits: ConnectionLimitSettings;
  /** Connections that are not admitted yet, of each listener. */
  readonly maxHandshakes: number;
  readonly idleTimeoutMs: number;
  /** True where the system lets the process have fewer open files than all that would take. */
  readonly shortOfFiles: boolean;
};

type Settings = Pick<
  Env,
  | "KMIP_TLS_MIN_VERSION"
  | "KMIP_TLS_SUITES"
  | "KMIP_TLS_LEGACY_SUITES"
  | "KMIP_MAX_CONNECTIONS"
  | "KMIP_MAX_CONNECTIONS_PER_INSTANCE"
  | "KMIP_MAX_CONNECTIONS_PER_CERTIFICATE"
  | "KMIP_RATE_PER_INSTANCE"
  | "KMIP_RATE_PER_CERTIFICATE"
  | "KMIP_IDLE_SECONDS"
>;

/** Open files that are left for the database, key managers and the rest of the process. */
const FILES_FOR_OTHERS = 512;

/**
 * Reads the settings of an endpoint's listeners.
 * @param options.openFiles how many files the process may open, null where that is not known
 * @param options.listeners that share them
 * @throws Error in the operator's words when TLS cannot be as it is wished for
 */
export function listenerSettings(
  settings: Settings,
  options: { readonly openFiles: number | null; readonly listeners: number },
): ListenerSettings {
  const defaults = DEFAULT_CONNECTION_LIMITS;
  const wanted = {
    connections: settings.KMIP_MAX_CONNECTIONS ?? defaults.maxConnections,
    handshakes: DEFAULT_ADMISSION_LIMITS.maxHandshakes,
  };
  const room = openConnections(wanted, options);

  return {
    tls: policyOf(settings),
    connectionLimits: {
      ...defaults,
      maxConnections: room.connections,
      maxConnectionsPerInstance:
        settings.KMIP_MAX_CONNECTIONS_PER_INSTANCE ?? defaults.maxConnectionsPerInstance,
      maxConnectionsPerCertificate:
        settings.KMIP_MAX_CONNECTIONS_PER_CERTIFICATE ?? defaults.maxConnectionsPerCertificate,
      messagesPerSecondPerInstance: settings.KMIP_RATE_PER_INSTANCE ?? defaults.messagesPerSecondPerInstance,
      messagesPerSecondPerCertificate:
        settings.KMIP_RATE_PER_CERTIFICATE ?? defaults.messagesPerSecondPerCertificate,
    },
    maxHandshakes: room.handshakes,
    idleTimeoutMs: settings.KMIP_IDLE_SECONDS * 1_000,
    shortOfFiles: room.connections < wanted.connections,
  };
}

function policyOf(settings: Settings): ListenerSettings["tls"] {
  try {
    return tlsPolicy({
      minVersion: settings.KMIP_TLS_MIN_VERSION,
      legacy: settings.KMIP_TLS_LEGACY_SUITES,
      ...(settings.KMIP_TLS_SUITES === undefined ? {} : { suites: settings.KMIP_TLS_SUITES }),
    });
  } catch (error) {
    throw new Error(`KMIP_TLS_SUITES cannot be used: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

/** Without a file left, neither a client nor the database could be reached: two thirds go to those who are admitted. */
function openConnections(
  wanted: { readonly connections: number; readonly handshakes: number },
  { openFiles, listeners }: { readonly openFiles: number | null; readonly listeners: number },
): { readonly connections: number; readonly handshakes: number } {
  const room = (openFiles ?? Number.POSITIVE_INFINITY) - FILES_FOR_OTHERS;
  if (wanted.connections + listeners * wanted.handshakes <= room) {
    return wanted;
  }
  const connections = Math.max(1, Math.min(wanted.connections, Math.floor((room * 2) / 3)));

  return {
    connections,
    handshakes: Math.max(1, Math.min(wanted.handshakes, Math.floor((room - connections) / listeners))),
  };
}
