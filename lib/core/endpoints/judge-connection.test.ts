import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { describeCheck } from "@/lib/api/texts/checks";
import { KmipConnectionError, KmipOperationError } from "@/lib/kmip/client/client";
import { createAuthority, issueServerCertificate } from "@/lib/x509";
import { fingerprintOf, judgeConnection, type Observation } from "./judge-connection";
import type { Reach } from "./reach-endpoint";

const DAY = 86_400_000;
const authority = await createAuthority();
const hosts = ["kmip.example.com", "192.0.2.1"];
const issue = async () =>
  new X509Certificate((await issueServerCertificate({ authority, hosts, days: 100 })).certificatePem);
const [certificate, other] = [await issue(), await issue()];

const MILLISECONDS = { tcp: 1.04, tls: 2, kmip: 3 };

function answered(shown = certificate): Reach {
  return {
    connected: true,
    tls: { protocol: "TLSv1.2", cipher: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", serverCertificate: shown },
    versions: ["1.4", "1.1"],
    error: null,
    milliseconds: MILLISECONDS,
  };
}

const ended = (error: unknown, changes: Partial<Reach> = {}): Reach => ({
  ...answered(),
  versions: null,
  error,
  ...changes,
});
const systemError = (code: string, message = code) => Object.assign(new Error(message), { code });
const unreached = (error: unknown) => ended(error, { connected: false, tls: null });

function judge(changes: Partial<Observation> = {}) {
  const checks = judgeConnection({
    zone: 1,
    host: "kmip.example.com",
    port: 5696,
    serverSha256: fingerprintOf(certificate) ?? "",
    inside: null,
    probe: answered(),
    stranger: ended(new KmipConnectionError("closed", "closed")),
    alive: true,
    now: new Date(),
    ...changes,
  });

  return new Map(checks.map((check) => [check.id, describeCheck(check)]));
}

describe("what was seen of an endpoint", () => {
  it("passes when all is well, with the time of each step that took some", () => {
    const checks = [...judge().values()];
    expect(checks.map(({ status }) => status)).toEqual(Array(6).fill("pass"));
    expect(checks.map(({ durationMs }) => durationMs)).toEqual([1, 2, undefined, 3, 3, undefined]);
  });

  it.each([
    ["ECONNREFUSED", "CONNECTION_REFUSED"],
    ["ETIMEDOUT", "CONNECTION_TIMEOUT"],
    ["ENOTFOUND", "NAME_UNKNOWN"],
    ["EAI_AGAIN", "NAME_UNKNOWN"],
    ["EHOSTUNREACH", "NO_ROUTE"],
    ["ENETUNREACH", "NO_ROUTE"],
  ])("%s is told as %s, with a remedy that depends on signs of life", (code, whyCode) => {
    const probe = unreached(systemError(code));
    for (const [alive, expected] of [
      [true, "ENDPOINT_UNREACHED"],
      [false, "ENDPOINT_DOWN"],
    ] as const) {
      const tcp = judge({ probe, stranger: null, alive }).get("tcp");
      expect(tcp).toMatchObject({ status: "fail", code: expected, params: { whyCode } });
      expect(tcp?.detail).toContain(tcp?.params.why);
      expect(tcp?.remedy).toBeTruthy();
    }
  });

  it("an error without a name of its own is told by its code, never by its message", () => {
    const error = systemError("EPROTO", "40E7F1:error:0A00010B:SSL routines:ssl3_get_record");
    const tls = judge({ probe: ended(error, { tls: null }), stranger: null }).get("tls");
    expect(tls).toMatchObject({ code: "TLS_FAILED" });
    expect(tls?.detail).toMatch(/ EPROTO\.$/);
    const known = Object.assign(error, { reason: "wrong version number" });
    expect(judge({ probe: ended(known, { tls: null }), stranger: null }).get("tls")?.detail).toMatch(
      / wrong version number\.$/,
    );
  });

  it("names the failure at the root, for whatever waits for it", () => {
    const checks = judge({ probe: unreached(systemError("ECONNREFUSED")), stranger: null });
    for (const id of ["tls", "serverCertificate", "strangerRefused", "kmip", "vcenterVersion"] as const) {
      expect(checks.get(id)).toMatchObject({
        status: "skipped",
        code: "WAITS_FOR",
        params: { check: "tcp" },
      });
      expect(checks.get(id)?.durationMs).toBeUndefined();
    }
  });

  it("says no more of a server that shows another certificate, or none", () => {
    for (const shown of [other, null]) {
      const tls = { protocol: "TLSv1.3", cipher: "x", serverCertificate: shown };
      const checks = judge({
        probe: ended(new KmipConnectionError("certificate", "another"), { tls }),
        stranger: null,
      });
      expect(checks.get("serverCertificate")).toMatchObject({ code: "SERVER_CERTIFICATE_OTHER" });
      for (const id of ["strangerRefused", "kmip", "vcenterVersion"] as const) {
        expect(checks.get(id)).toMatchObject({
          code: "WAITS_FOR",
          params: { check: "serverCertificate" },
        });
      }
    }
  });

  it("judges the server certificate by its dates and by the name that clients use", () => {
    const end = new Date(certificate.validTo).getTime();
    const at = (milliseconds: number, host = "kmip.example.com") =>
      judge({ now: new Date(milliseconds), host }).get("serverCertificate");
    expect(at(end)).toMatchObject({ status: "fail", code: "SERVER_CERTIFICATE_EXPIRED" });
    expect(at(end - 1)).toMatchObject({ status: "warn", code: "SERVER_CERTIFICATE_ENDS_SOON" });
    expect(at(end - 15 * DAY)).toMatchObject({ status: "pass" });
    expect(at(new Date(certificate.validFrom).getTime() - 1)).toMatchObject({
      status: "fail",
      code: "SERVER_CERTIFICATE_NOT_YET",
    });
    expect(at(Date.now(), "192.0.2.1")).toMatchObject({ status: "pass" });
    for (const host of ["192.0.2.2", "kmip.example.org", "0.0.0.0"]) {
      expect(at(Date.now(), host)).toMatchObject({
        status: "warn",
        code: "SERVER_CERTIFICATE_OTHER_HOST",
        detail: expect.stringContaining(host),
      });
    }
    // An expired certificate is one failure; whether KMIP is answered is another question.
    expect(judge({ now: new Date(end) }).get("kmip")?.status).toBe("pass");
  });

  it.each<[string, Reach | null]>([
    ["STRANGER_REFUSED", ended(new KmipConnectionError("closed", "closed"))],
    ["STRANGER_REFUSED", ended(systemError("ECONNRESET"))],
    ["STRANGER_REFUSED", ended(systemError("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"))],
    ["STRANGER_REFUSED", ended(systemError("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), { tls: null })],
    ["STRANGER_ANSWERED", { ...ended(null), versions: [] }],
    ["STRANGER_ANSWERED", ended(new KmipOperationError(1, "no"))],
    ["STRANGER_ANSWERED", ended(new KmipConnectionError("malformed", "more than one"))],
    ["STRANGER_ANSWERED", ended(new Error("The server did not send a response message"))],
    ["STRANGER_UNDECIDED", ended(new KmipConnectionError("timeout", "late"))],
    ["STRANGER_UNDECIDED", ended(new KmipConnectionError("certificate", "renewed meanwhile"))],
    ["STRANGER_UNDECIDED", unreached(systemError("ECONNREFUSED"))],
    ["STRANGER_UNDECIDED", null],
  ])("a stranger: %s (%#)", (code, stranger) => {
    expect(judge({ stranger: stranger && { ...stranger } }).get("strangerRefused")?.code).toBe(code);
  });

  it.each<[string, Reach]>([
    ["KMIP_NOT_ADMITTED", ended(new KmipConnectionError("closed", "closed"))],
    ["KMIP_NOT_ADMITTED", ended(systemError("ECONNRESET"))],
    ["KMIP_SILENT", ended(new KmipConnectionError("timeout", "late"))],
    ["KMIP_REFUSED", ended(new KmipOperationError(1, "A probe may not ask for this"))],
    ["KMIP_UNREADABLE", ended(new Error("The server did not send a response message"))],
  ])("a probe without an answer: %s (%#)", (code, probe) => {
    const checks = judge({ probe });
    expect(checks.get("kmip")).toMatchObject({ code, status: "fail", remedy: expect.any(String) });
    expect(checks.get("vcenterVersion")).toMatchObject({ code: "WAITS_FOR", params: { check: "kmip" } });
  });

  it("misses vCenter's version", () => {
    const check = judge({ probe: { ...answered(), versions: ["2.1", "1.4"] } }).get("vcenterVersion");
    expect(check).toMatchObject({ status: "fail", code: "VCENTER_VERSION_MISSING" });
    expect(check?.detail).toContain("2.1, 1.4");
  });
});
