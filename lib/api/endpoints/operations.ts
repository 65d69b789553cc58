import { operationsOf } from "../contract/operation";
import { endpointPage } from "./schemas";

const operation = operationsOf({ resource: "endpoints", tag: "Endpoints" });

export const listEndpoints = operation({
  id: "listEndpoints",
  summary: "KMIP endpoints: zone, version, health, connections, failed handshakes",
  method: "GET",
  path: "/endpoints",
  role: "viewer",
  response: endpointPage,
});
