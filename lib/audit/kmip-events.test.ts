import { describe, expect, it } from "vitest";
import type { KmipAuditRecord } from "@/lib/kmip/ports";
import { Operation, ResultReason } from "@/lib/kmip/protocol/enumerations";
import { kmipAuditEvents } from "./kmip-events";

const INSTANCE = "019a0000-0000-7000-8000-000000000002";
const CONTEXT = {
  accountId: "019a0000-0000-7000-8000-000000000001",
  instanceName: "prod",
  certificateName: "vc",
};

function record(changes: Partial<KmipAuditRecord>): KmipAuditRecord {
  return {
    tenant: {
      instanceId: INSTANCE,
      certificateId: "019a0000-0000-7000-8000-000000000004",
      certificateSha256: "ab".repeat(32),
      policy: { activateOnCreate: false, serveCompromised: true },
    },
    operation: Operation.Get,
    uniqueIdentifiers: ["k1"],
    outcome: "success",
    remoteAddress: "192.0.2.1",
    remotePort: 40000,
    protocolVersion: "1.1",
    requestId: "r1",
    servedMaterial: true,
    ...changes,
  };
}

const eventsOf = (changes: Partial<KmipAuditRecord>) => kmipAuditEvents(record(changes), CONTEXT);

describe("audit events of KMIP operations", () => {
  it.each([
    [Operation.Create, "vmware-solutions.kmip-key.create", "normal"],
    [Operation.Get, "vmware-solutions.kmip-key.read", "normal"],
    [Operation.GetAttributes, "vmware-solutions.kmip-key-attributes.retrieve", "normal"],
    [Operation.AddAttribute, "vmware-solutions.kmip-key-attributes.update", "normal"],
    [Operation.Activate, "vmware-solutions.kmip-key.activate", "normal"],
    [Operation.Revoke, "vmware-solutions.kmip-key.revoke", "critical"],
    [Operation.Destroy, "vmware-solutions.kmip-key.destroy", "critical"],
    [Operation.Locate, "vmware-solutions.kmip-key.list", "normal"],
    [Operation.Query, "vmware-solutions.kmip.query", "normal"],
    [Operation.DiscoverVersions, "vmware-solutions.kmip.discover", "normal"],
    [null, "vmware-solutions.kmip.default", "normal"],
    [Operation.Ping, "vmware-solutions.kmip.ping", "normal"],
    [Operation.Log, "vmware-solutions.kmip.log", "normal"],
    [Operation.PKCS_11, "vmware-solutions.kmip.default", "normal"],
  ])("operation %s is %s", (operation, action, severity) => {
    const [event] = eventsOf({ operation });

    expect(event).toMatchObject({ action, severity, outcome: "success" });
  });

  it("marks what a connection test asked for, and names it instead of a certificate", () => {
    const { tenant } = record({});
    const probe = { id: "019a0000-0000-7000-8000-000000000009", operations: new Set<number>() };
    const [event] = eventsOf({ tenant: { ...tenant, probe }, operation: Operation.DiscoverVersions });

    expect(event).toMatchObject({
      instanceId: INSTANCE,
      initiator: { name: "connection test", id: `CertificateID-${tenant.certificateSha256}` },
      requestData: { connectionTest: probe.id },
    });
    expect(event?.requestData).not.toHaveProperty("certificateId");
    expect(eventsOf({})[0]?.requestData).not.toHaveProperty("connectionTest");
  });

  it("names the client by its certificate and the KEK as the target", () => {
    const [event] = eventsOf({});

    expect(event).toMatchObject({
      accountId: CONTEXT.accountId,
      instanceId: INSTANCE,
      dataEvent: true,
      correlationId: "r1",
      initiator: {
        id: `CertificateID-${"ab".repeat(32)}`,
        name: "vc",
        typeURI: "service/security/client/certificateid",
        credentialType: "certificate",
        address: "192.0.2.1",
      },
      target: { id: "k1", typeURI: "vmware-solutions/kmip-key" },
      reason: { reasonCode: 200 },
      responseData: { servedMaterial: true },
    });
  });

  it("writes what was undone with its batch as a failure that says so", () => {
    const [event] = eventsOf({
      operation: Operation.Create,
      outcome: "failure",
      undone: true,
      servedMaterial: false,
    });

    expect(event).toMatchObject({
      action: "vmware-solutions.kmip-key.create",
      outcome: "failure",
      severity: "warning",
      target: { id: "k1" },
      reason: { reasonCode: 409, reasonForFailure: "Undone, because its batch failed" },
      responseData: { undone: true },
    });
    expect(event?.responseData).not.toHaveProperty("servedMaterial");
  });

  it("writes the refusal of a Get as a failed read, critical and with its reason", () => {
    const [event] = eventsOf({
      outcome: "failure",
      resultReason: ResultReason.PermissionDenied,
      message: "The object is blocked",
      detail: "blocked in the console",
      servedMaterial: false,
    });

    expect(event).toMatchObject({
      action: "vmware-solutions.kmip-key.read",
      outcome: "failure",
      severity: "critical",
      reason: { reasonCode: 403, reasonType: "Forbidden", reasonForFailure: "The object is blocked" },
      responseData: { resultReason: "PermissionDenied", detail: "blocked in the console" },
    });
    expect(event?.message).toMatch(/^VMware Solutions: read KMIP key k1 -failure$/);
  });

  it("writes one event for each object, and one for a Locate", () => {
    expect(eventsOf({ uniqueIdentifiers: ["a", "b"] }).map((event) => event.target.id)).toEqual(["a", "b"]);

    const many = Array.from({ length: 1_000 }, (_, index) => `k${index}`);
    const located = eventsOf({ operation: Operation.Locate, uniqueIdentifiers: many, servedMaterial: false });

    expect(located).toHaveLength(1);
    expect(located[0]?.target).toMatchObject({ id: INSTANCE, name: "prod" });
    expect(located[0]?.responseData).toMatchObject({ total: 1_000 });
    expect(located[0]?.responseData?.uniqueIdentifiers).toHaveLength(100);
  });

  it("has the instance as the target of what is about no object", () => {
    const [event] = eventsOf({ operation: Operation.Create, uniqueIdentifiers: [], outcome: "failure" });

    expect(event?.target.id).toBe(INSTANCE);
    expect(event?.reason?.reasonCode).toBe(500);
  });

  it("are alike only where they differ in nothing but object, request and address", () => {
    const plain = record({});
    const like = (changes: Partial<KmipAuditRecord>, context = CONTEXT) =>
      kmipAuditEvents({ ...plain, ...changes }, context)[0]?.like;

    expect(like({})).toBeDefined();
    expect(
      like({ uniqueIdentifiers: ["k2"], requestId: "r2", remoteAddress: "192.0.2.2", remotePort: 1 }),
    ).toBe(like({}));
    expect(like({ operation: Operation.GetAttributes })).not.toBe(like({}));
    expect(like({ protocolVersion: "1.4" })).not.toBe(like({}));
    expect(like({ servedMaterial: false })).not.toBe(like({}));
    expect(like({ tenant: { ...plain.tenant } })).not.toBe(like({}));

    const before = like({});

    expect(like({}, { ...CONTEXT, certificateName: "renamed" })).not.toBe(before);
    expect(like({ outcome: "failure", resultReason: ResultReason.ItemNotFound })).toBeUndefined();
    expect(like({ data: { cryptographicLength: 256 } })).toBeUndefined();
    expect(like({ detail: "cause" })).toBeUndefined();
    expect(like({ operation: Operation.Query, uniqueIdentifiers: [] })).toBeUndefined();
  });
});
