import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditEventInput } from "./event";
import { columnMismatch, toEventRow } from "./event-row";
import { type CadfEvent, formatEventTime } from "./event-to-cadf";

const ACCOUNT = "019a0000-0000-7000-8000-000000000001";
const INSTANCE = "019a0000-0000-7000-8000-000000000002";
const STAMP = { id: "019a0000-0000-7000-8000-000000000003", time: new Date("2026-12-01T10:20:30.456Z") };

function input(changes: Partial<AuditEventInput> = {}): AuditEventInput {
  return {
    action: "vmware-solutions.kmip-key.read",
    outcome: "success",
    severity: "normal",
    message: "VMware Solutions: read KMIP key k1",
    accountId: ACCOUNT,
    instanceId: INSTANCE,
    dataEvent: true,
    correlationId: "request-1",
    initiator: {
      id: "CertificateID-ab12",
      name: "vcenter",
      typeURI: "service/security/client/certificateid",
      credentialType: "certificate",
      address: "::ffff:192.0.2.9",
      agent: null,
    },
    target: { id: "k1", name: null, typeURI: "vmware-solutions/kmip-key" },
    ...changes,
  };
}

const cadfOf = (event: AuditEventInput) => JSON.parse(toEventRow(event, STAMP).event) as CadfEvent;

describe("an audit event", () => {
  it("has the field names and formats of IBM Cloud's events", () => {
    expect(cadfOf(input())).toEqual({
      id: STAMP.id,
      eventTime: "2026-12-01T10:20:30.45+0000",
      action: "vmware-solutions.kmip-key.read",
      outcome: "success",
      message: "VMware Solutions: read KMIP key k1",
      severity: "normal",
      dataEvent: true,
      saveServiceCopy: true,
      logSourceCRN: `crn:v1:kmip-console:local:vmware-solutions::a/${ACCOUNT}:${INSTANCE}::`,
      correlationId: "request-1",
      initiator: {
        id: "CertificateID-ab12",
        name: "vcenter",
        typeURI: "service/security/client/certificateid",
        credential: { type: "certificate" },
        host: { address: "192.0.2.9", addressType: "IPv4" },
      },
      target: {
        id: `crn:v1:kmip-console:local:vmware-solutions::a/${ACCOUNT}:${INSTANCE}:kmip-key:k1`,
        typeURI: "vmware-solutions/kmip-key",
      },
      observer: { name: "ActivityTracker" },
      reason: { reasonCode: 200, reasonType: "OK" },
      requestData: {},
      responseData: {},
    });
  });

  it("writes times as YYYY-MM-DDTHH:mm:ss.SS+0000", () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }), (time) => {
        expect(formatEventTime(time)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\+0000$/);
      }),
    );
  });

  it("tells IPv6 from IPv4 and leaves out what is not known", () => {
    const { initiator } = input();

    expect(cadfOf(input({ initiator: { ...initiator, address: "2001:db8::1" } })).initiator.host).toEqual({
      address: "2001:db8::1",
      addressType: "IPv6",
    });
    expect(cadfOf(input({ initiator: { ...initiator, address: null } })).initiator.host).toBeUndefined();
  });

  it("agrees with its columns, whatever text a client sends", () => {
    const text = fc.string({ unit: "binary", maxLength: 400 });

    fc.assert(
      fc.property(text, text, text, (target, name, detail) => {
        const event = input({
          target: { id: target, name, typeURI: "vmware-solutions/kmip-key" },
          initiator: { ...input().initiator, name },
          responseData: { detail },
        });
        const row = toEventRow(event, STAMP);

        expect(columnMismatch(row)).toBeNull();
        expect(row.event).not.toContain("\0");
        // jsonb refuses escaped NULs.
        expect(row.event).not.toContain("\\u0000");
        expect(Buffer.byteLength(row.targetId)).toBeLessThan(1_024);
      }),
    );
  });

  it("is JSON without anything between its parts, whatever it holds", () => {
    const text = fc.string({ unit: "binary", maxLength: 300 });
    const data = fc.dictionary(fc.string({ maxLength: 10 }), fc.oneof(text, fc.integer(), fc.array(text)));

    fc.assert(
      fc.property(text, text, data, data, (name, agent, requestData, responseData) => {
        const { initiator } = input();
        const { event } = toEventRow(
          input({
            initiator: { ...initiator, name, agent },
            target: { id: name, name: agent, typeURI: "vmware-solutions/kmip-key/attributes" },
            reason: { reasonCode: 403, reasonType: "Forbidden", reasonForFailure: agent },
            requestData,
            responseData,
          }),
          STAMP,
        );

        expect(JSON.stringify(JSON.parse(event))).toBe(event);
      }),
    );
  });

  it("has the same text whether or not others were like it", () => {
    const like = {};
    const identifier = fc.oneof(
      fc.uuid(),
      fc.string({ unit: "binary", maxLength: 120 }),
      fc.constant(INSTANCE),
    );
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constant("::ffff:192.0.2.1"),
      fc.constant(null),
      fc.string(),
    );

    fc.assert(
      fc.property(
        identifier,
        identifier,
        address,
        fc.nat(65_535),
        fc.uuid(),
        fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }),
        (target, correlationId, from, remotePort, id, time) => {
          const { initiator } = input();
          const event = input({
            message: `VMware Solutions: read KMIP key ${target}`,
            correlationId,
            initiator: { ...initiator, address: from },
            target: { id: target, name: null, typeURI: "vmware-solutions/kmip-key" },
            requestData: { operation: "Get", remotePort },
          });

          expect(toEventRow({ ...event, like }, { id, time })).toEqual(toEventRow(event, { id, time }));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("keeps numbers that JSON has no room for as text", () => {
    expect(cadfOf(input({ requestData: { served: 2n ** 63n } })).requestData).toEqual({
      served: "9223372036854775808",
    });
  });

  it("is refused when account or instance is no UUID", () => {
    expect(() => toEventRow(input({ instanceId: "x" }), STAMP)).toThrow(TypeError);
  });

  it("does not agree with columns that say something else", () => {
    const row = toEventRow(input(), STAMP);

    expect(columnMismatch({ ...row, action: "other" })).toBe("action");
    expect(columnMismatch({ ...row, accountId: INSTANCE })).toBe("account_id");
    expect(columnMismatch({ ...row, targetId: "k2" })).toBe("target_id");
    expect(columnMismatch({ ...row, eventTime: new Date("2026-12-01T10:20:30.470Z") })).toBe("event_time");
    expect(columnMismatch({ ...row, event: "no JSON" })).toBe("event");
  });
});
