import { describe, expect, it } from "vitest";
import { LEGACY_SUITES, renewTicketKeys, SAFE_SUITES, secureContextOptions, tlsPolicy } from "./tls-policy";

describe("the policy of TLS", () => {
  it("is 1.2 and 1.3 with forward secrecy and authenticated encryption", () => {
    const { minVersion, suites } = tlsPolicy({});
    expect(minVersion).toBe("TLSv1.2");
    expect(suites).toEqual(SAFE_SUITES);
    expect(suites.every((suite) => /^(TLS_|ECDHE-).*(GCM|POLY1305)/.test(suite))).toBe(true);
    const { ciphers } = secureContextOptions({ cert: "", key: "" });
    expect(ciphers).toBe(SAFE_SUITES.join(":"));
  });

  it("takes an operator's suites, and legacy ones only when they are allowed", () => {
    const wish = ["TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"];
    expect(tlsPolicy({ suites: wish }).suites).toEqual(wish);
    expect(() => tlsPolicy({ suites: [...wish, "AES256-SHA"] })).toThrow("legacy");
    expect(tlsPolicy({ suites: [...wish, "AES256-SHA"], legacy: true }).suites).toContain("AES256-SHA");
    expect(tlsPolicy({ legacy: true }).suites).toEqual([...SAFE_SUITES, ...LEGACY_SUITES]);
    expect(() => tlsPolicy({ suites: [...wish, "NULL-SHA"], legacy: true })).toThrow("not known");
  });

  it("says when a version would be left without suites", () => {
    expect(() => tlsPolicy({ suites: ["ECDHE-RSA-AES256-GCM-SHA384"] })).toThrow("TLS 1.3");
    expect(() => tlsPolicy({ suites: ["TLS_AES_256_GCM_SHA384"] })).toThrow("TLS 1.2");
    expect(tlsPolicy({ suites: ["TLS_AES_256_GCM_SHA384"], minVersion: "TLSv1.3" }).suites).toHaveLength(1);
  });

  it("leaves no copy of the keys of tickets", () => {
    const given: Buffer[] = [];
    const copies: string[] = [];
    const server = {
      setTicketKeys: (keys: Buffer) => {
        given.push(keys);
        copies.push(keys.toString("hex"));
        return server;
      },
    };
    renewTicketKeys(server as never);
    renewTicketKeys(server as never);
    expect(copies[0]).not.toBe(copies[1]);
    expect(given.every((keys) => keys.length === 48 && keys.every((byte) => byte === 0))).toBe(true);
  });
});
