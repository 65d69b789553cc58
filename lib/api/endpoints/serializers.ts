import type { EndpointNodeView } from "@/lib/core/endpoints";
import type { EndpointNode } from "./schemas";

export function serializeEndpointNode(view: EndpointNodeView): EndpointNode {
  return {
    ...view,
    startedAt: view.startedAt.toISOString(),
    heartbeatAt: view.heartbeatAt.toISOString(),
    failedHandshakes: view.failedHandshakes.map((item) => ({ ...item })),
  };
}
