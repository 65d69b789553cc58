export { forgetConnectionProbes } from "./connection-probes";
export type { ConnectionReport } from "./connection-report";
export { assignDedicatedPorts } from "./dedicated-ports";
export {
  type Heartbeat,
  listEndpointNodes,
  liveCounters,
  liveZones,
  recordHeartbeat,
  removeEndpointNode,
} from "./endpoint-nodes";
export { ensureDedicatedEndpoints, prepareDedicatedIdentity } from "./ensure-dedicated-endpoints";
export {
  endpointsOf,
  joinPem,
  sharedEndpoints,
} from "./instance-endpoints";
export { tellRenewals } from "./tell-renewals";
export { testConnection } from "./test-connection";
export {
  ensureTlsIdentities,
  hasTlsIdentities,
  KEY_TYPES,
  loadAuthority,
  loadTlsIdentity,
} from "./tls-identities";
