import { describe, expect, test } from "vitest";
import type { AccountCertificate } from "@/lib/api/client-certificates/schemas";
import type { EndpointNode } from "@/lib/api/endpoints/schemas";
import type { Instance } from "@/lib/api/instances/schemas";
import { attentionOf, isGrave } from "./attention";

const node = (zone: number, health: "up" | "down"): EndpointNode => ({
  id: `018f0000-0000-7000-8000-00000000000${zone}`,
  zone,
  host: "127.0.0.1",
  port: 5695 + zone,
  instanceId: null,
  instanceName: null,
  version: "0.0.0",
  health,
  startedAt: "2026-03-03T10:00:00Z",
  heartbeatAt: "2026-03-03T10:00:00Z",
  connections: 0,
  requests: 0,
  failedHandshakes: [],
});

const instance = (name: string, status: Instance["status"], clientCertificates = 1): Instance => ({
  id: "018f0000-0000-7000-8000-0000000000aa",
  name,
  region: "eu-de",
  resourceGroup: null,
  status,
  statusReason: null,
  endpoints: [],
  keyManager: null,
  crk: null,
  counts: { keks: 0, activeKeks: 0, clientCertificates },
  deletion: null,
  cachePolicy: { cacheTtlSeconds: 60, outageGraceSeconds: 0 },
  activateOnCreate: false,
  serveCompromised: true,
  expiredCertificates: { rule: "grace", graceDays: 365 },
  lastCheck: null,
  lastKmipAt: null,
  createdAt: "2026-03-03T10:00:00Z",
  createdBy: "somebody",
  updatedAt: "2026-03-03T10:00:00Z",
});

const now = new Date("2026-03-03T10:00:00Z");
const attention = (instances: readonly Instance[], nodes: readonly EndpointNode[]) =>
  attentionOf({ instances, nodes, certificates: [] }, now);

const certificate = (name: string, notAfter: string, refusedFrom: string | null): AccountCertificate => ({
  id: `018f0000-0000-7000-8000-0000000000${name}`,
  name,
  sha256: "",
  subject: "CN=vcenter",
  issuer: "CN=vcenter",
  serialNumber: "1",
  notBefore: "2024-03-03T10:00:00Z",
  notAfter,
  keyAlgorithm: "RSA",
  keySize: 2048,
  origin: "uploaded",
  pem: "",
  findings: [],
  createdAt: "2024-03-03T10:00:00Z",
  createdBy: "somebody",
  lastSeenAt: null,
  lastSeenAddress: null,
  refusedFrom,
  instance: { id: "018f0000-0000-7000-8000-0000000000aa", name: "a" },
});

describe("attentionOf", () => {
  test("certificates that have ended are grave, those that end soon come after what is broken", () => {
    const found = attentionOf(
      {
        instances: [instance("c", "attention")],
        nodes: [node(1, "up"), node(2, "down")],
        certificates: [
          certificate("a1", "2026-03-12T10:00:00Z", null),
          certificate("a2", "2026-03-03T10:00:00Z", null),
          certificate("a3", "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"),
        ],
      },
      now,
    );
    expect(found.map((item) => `${item.kind}${isGrave(item) ? " grave" : ""}`)).toEqual([
      "endpointDown grave",
      "certificateRefused grave",
      "certificateExpired grave",
      "instance",
      "certificateSoon",
    ]);
  });

  test("nothing while everything is up, installed and has a certificate", () => {
    expect(attention([instance("a", "installed")], [node(1, "up"), node(2, "up")])).toEqual([]);
  });

  test("the gravest first", () => {
    const found = attention(
      [instance("a", "inactive", 0), instance("b", "installed", 0), instance("c", "attention")],
      [node(1, "up"), node(2, "down")],
    );
    expect(
      found.map((item) => ("instance" in item ? `${item.kind} ${item.instance.name}` : item.kind)),
    ).toEqual(["endpointDown", "instance c", "noCertificate b", "inactive a"]);
  });

  test("no endpoint at all is said as such", () => {
    expect(attention([], [])).toEqual([{ kind: "endpointNone" }]);
  });

  test("an instance that settles needs nobody", () => {
    expect(
      attention([instance("a", "configuring", 0), instance("b", "removing", 0)], [node(1, "up")]),
    ).toEqual([]);
  });
});
