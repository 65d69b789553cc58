export { forgetConnectionProbes } from "./connection-probes";
export type { ConnectionReport } from "./connection-report";
export {
  type EndpointNodeView,
  type Heartbeat,
  listEndpointNodes,
  liveZones,
  recordHeartbeat,
  removeEndpointNode,
} from "./endpoint-nodes";
export { type InstanceEndpoint, joinPem, sharedEndpoints } from "./instance-endpoints";
export { testConnection } from "./test-connection";
export {
  ensureTlsIdentities,
  loadAuthority,
  loadTlsIdentity,
  type TlsIdentity,
  zoneIdentityId,
} from "./tls-identities";
