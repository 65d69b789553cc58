export { forgetConnectionProbes } from "./connection-probes";
export type { ConnectionReport } from "./connection-report";
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
export {
  type EndpointCertificate,
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
