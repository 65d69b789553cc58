import { describe, expect, test } from "vitest";
import type { EndpointNode } from "@/lib/api/endpoints/schemas";
import type { Instance } from "@/lib/api/instances/schemas";
import { attentionOf } from "./attention";

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
  lastCheck: null,
  lastKmipAt: null,
  createdAt: "2026-03-03T10:00:00Z",
  createdBy: "somebody",
  updatedAt: "2026-03-03T10:00:00Z",
});

describe("attentionOf", () => {
  test("nothing while everything is up, installed and has a certificate", () => {
    expect(attentionOf([instance("a", "installed")], [node(1, "up"), node(2, "up")])).toEqual([]);
  });

  test("the gravest first", () => {
    const found = attentionOf(
      [instance("a", "inactive", 0), instance("b", "installed", 0), instance("c", "attention")],
      [node(1, "up"), node(2, "down")],
    );
    expect(
      found.map((item) => ("instance" in item ? `${item.kind} ${item.instance.name}` : item.kind)),
    ).toEqual(["endpointDown", "instance c", "noCertificate b", "inactive a"]);
  });

  test("no endpoint at all is said as such", () => {
    expect(attentionOf([], [])).toEqual([{ kind: "endpointNone" }]);
  });

  test("an instance that settles needs nobody", () => {
    expect(
      attentionOf([instance("a", "configuring", 0), instance("b", "removing", 0)], [node(1, "up")]),
    ).toEqual([]);
  });
});
