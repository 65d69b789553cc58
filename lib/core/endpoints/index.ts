export { forgetConnectionProbes } from "./connection-probes";
export type { ConnectionReport } from "./connection-report";
export { assignDedicatedPorts } from "./dedicated-ports";
export {
  type EndpointCounters,
  type EndpointNodeView,
  type Heartbeat,
  listEndpointNodes,
  liveCounters,
  liveZones,
  recordHeartbeat,
  removeEndpointNode,
} from "./endpoint-nodes";
export { ensureDedicatedEndpoints, prepareDedicatedIdentity } from "./ensure-dedicated-endpoints";
export {
  type EndpointCertificate,
  endpointsOf,
  type InstanceEndpoint,
  joinPem,
  sharedEndpoints,
} from "./instance-endpoints";
export { testConnection } from "./test-connection";
export {
  ensureTlsIdentities,
  hasTlsIdentities,
  KEY_TYPES,
  loadAuthority,
  loadTlsIdentity,
  type TlsIdentity,
} from "./tls-identities";
