import type { AccountCertificate } from "@/lib/api/client-certificates/schemas";
import type { EndpointNode } from "@/lib/api/endpoints/schemas";
import type { Instance } from "@/lib/api/instances/schemas";

export type Attention =
  | { kind: "endpointNone" }
  | { kind: "endpointDown"; id: string; zone: number; address: string }
  | { kind: "certificateRefused" | "certificateExpired" | "certificateSoon"; certificate: AccountCertificate }
  | { kind: "instance" | "inactive" | "noCertificate"; instance: Instance };

const RANK: Record<Attention["kind"], number> = {
  endpointNone: 0,
  endpointDown: 1,
  certificateRefused: 2,
  certificateExpired: 3,
  instance: 4,
  certificateSoon: 5,
  noCertificate: 6,
  inactive: 7,
};

/** True for what keeps clients from their keys, or is about to without a word. */
export function isGrave({ kind }: Attention): boolean {
  return RANK[kind] <= RANK.certificateExpired;
}

function certificateKind({ notAfter, refusedFrom }: AccountCertificate, now: Date) {
  if (refusedFrom !== null && new Date(refusedFrom) <= now) {
    return "certificateRefused";
  }

  return new Date(notAfter) <= now ? "certificateExpired" : "certificateSoon";
}

/** What the overview was told: instances, endpoints, and the certificates that have ended or are about to. */
type Told = {
  readonly instances: readonly Instance[];
  readonly nodes: readonly EndpointNode[];
  readonly certificates: readonly AccountCertificate[];
};

/** What an administrator should look at, the gravest first. Only what the API said; nothing is guessed. */
export function attentionOf({ instances, nodes, certificates }: Told, now: Date): Attention[] {
  const found: Attention[] = [];

  if (nodes.length === 0) {
    found.push({ kind: "endpointNone" });
  }

  for (const { id, health, zone, host, port } of nodes) {
    if (health === "down") {
      found.push({ kind: "endpointDown", id, zone, address: `${host}:${port}` });
    }
  }

  for (const certificate of certificates) {
    found.push({ kind: certificateKind(certificate, now), certificate });
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
