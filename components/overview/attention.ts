import type { EndpointNode } from "@/lib/api/endpoints/schemas";
import type { Instance } from "@/lib/api/instances/schemas";

export type Attention =
  | { kind: "endpointNone" }
  | { kind: "endpointDown"; id: string; zone: number; address: string }
  | { kind: "instance" | "inactive" | "noCertificate"; instance: Instance };

const RANK: Record<Attention["kind"], number> = {
  endpointNone: 0,
  endpointDown: 1,
  instance: 2,
  noCertificate: 3,
  inactive: 4,
};

/** What an administrator should look at, the gravest first. Only what the API said; nothing is guessed. */
export function attentionOf(instances: readonly Instance[], nodes: readonly EndpointNode[]): Attention[] {
  const found: Attention[] = [];

  if (nodes.length === 0) {
    found.push({ kind: "endpointNone" });
  }

  for (const { id, health, zone, host, port } of nodes) {
    if (health === "down") {
      found.push({ kind: "endpointDown", id, zone, address: `${host}:${port}` });
    }
  }

  for (const instance of instances) {
    if (instance.status === "attention") {
      found.push({ kind: "instance", instance });
    }
    if (instance.status === "inactive") {
      found.push({ kind: "inactive", instance });
    }
    if (instance.status === "installed" && instance.counts.clientCertificates === 0) {
      found.push({ kind: "noCertificate", instance });
    }
  }

  return found.sort((a, b) => RANK[a.kind] - RANK[b.kind]);
}
