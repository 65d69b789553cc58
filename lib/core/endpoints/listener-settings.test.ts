import { describe, expect, it } from "vitest";
import { parseEnv } from "@/lib/env";
import { listenerSettings } from "./listener-settings";

const enough = { openFiles: 1_048_576, listeners: 2 };
const read = (source: Record<string, string>, options: Parameters<typeof listenerSettings>[1] = enough) =>
  listenerSettings(parseEnv(source), options);

describe("the settings of the listeners", () => {
  it("leave room for twice the 10,000 hosts of an instance", () => {
    const { connectionLimits, tls, idleTimeoutMs, shortOfFiles, maxHandshakes } = read({});
    expect(connectionLimits.maxConnections).toBeGreaterThanOrEqual(
      2 * connectionLimits.maxConnectionsPerInstance,
    );
    expect(connectionLimits.maxConnectionsPerInstance).toBeGreaterThanOrEqual(20_000);
    expect(connectionLimits.maxConnectionsPerCertificate).toBeGreaterThanOrEqual(20_000);
    expect(connectionLimits.messagesPerSecondPerCertificate).toBeGreaterThanOrEqual(10_000);
    expect(maxHandshakes).toBeGreaterThanOrEqual(10_000);
    expect(tls.minVersion).toBe("TLSv1.2");
    expect(idleTimeoutMs).toBe(600_000);
    expect(shortOfFiles).toBe(false);
  });

  it("are the environment's", () => {
    const { connectionLimits, tls, idleTimeoutMs } = read({
      KMIP_MAX_CONNECTIONS: "300",
      KMIP_MAX_CONNECTIONS_PER_INSTANCE: "200",
      KMIP_MAX_CONNECTIONS_PER_CERTIFICATE: "100",
      KMIP_RATE_PER_INSTANCE: "0",
      KMIP_RATE_PER_CERTIFICATE: "50",
      KMIP_IDLE_SECONDS: "30",
      KMIP_TLS_MIN_VERSION: "TLSv1.3",
      KMIP_TLS_SUITES: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
    });
    expect(connectionLimits).toMatchObject({
      maxConnections: 300,
      maxConnectionsPerInstance: 200,
      maxConnectionsPerCertificate: 100,
      messagesPerSecondPerInstance: 0,
      messagesPerSecondPerCertificate: 50,
    });
    expect(idleTimeoutMs).toBe(30_000);
    expect(tls).toEqual({
      minVersion: "TLSv1.3",
      suites: ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"],
    });
  });

  it("name the variable that cannot be used", () => {
    const suites = "TLS_AES_256_GCM_SHA384,ECDHE-RSA-AES256-GCM-SHA384,AES128-SHA";
    expect(() => read({ KMIP_TLS_SUITES: suites })).toThrow(/^KMIP_TLS_SUITES .*AES128-SHA/);
    expect(read({ KMIP_TLS_SUITES: suites, KMIP_TLS_LEGACY_SUITES: "true" }).tls.suites).toHaveLength(3);
    expect(read({}).tls.suites).not.toContain("AES128-SHA");
    expect(read({ KMIP_TLS_LEGACY_SUITES: "true" }).tls.suites).toContain("AES128-SHA");
    expect(() => read({ KMIP_TLS_SUITES: "!eNULL" })).toThrow("KMIP_TLS_SUITES");
    expect(() => read({ KMIP_MAX_CONNECTIONS: "0" })).toThrow("KMIP_MAX_CONNECTIONS");
  });

  it("leave files for the database where the system has few", () => {
    const { connectionLimits, maxHandshakes, shortOfFiles } = read({}, { openFiles: 4_096, listeners: 2 });
    expect(shortOfFiles).toBe(true);
    expect(connectionLimits.maxConnections + 2 * maxHandshakes).toBeLessThanOrEqual(4_096 - 512);
    expect(connectionLimits.maxConnections).toBeGreaterThan(2_000);
    expect(read({}, { openFiles: null, listeners: 1 }).shortOfFiles).toBe(false);
    const few = read({ KMIP_MAX_CONNECTIONS: "100" }, { openFiles: 4_096, listeners: 1 });
    expect(few).toMatchObject({ connectionLimits: { maxConnections: 100 }, shortOfFiles: false });
  });
});
