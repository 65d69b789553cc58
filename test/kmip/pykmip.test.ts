/** Debian's PyKMIP client (python3-pykmip) against the server: an implementation that is not ours. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { isPykmipInstalled, runPykmip } from "@/test/support/pykmip";
import { type RunningServer, startServer } from "./harness";

/** What forbidden steps are answered with, by the major version. */
const REASONS_1 = {
  activateTwice: "PERMISSION_DENIED",
  destroyActive: "PERMISSION_DENIED",
  getDestroyed: "ITEM_NOT_FOUND",
  getUnknown: "ITEM_NOT_FOUND",
};
const REASONS_2 = {
  activateTwice: "WRONG_KEY_LIFECYCLE_STATE",
  destroyActive: "WRONG_KEY_LIFECYCLE_STATE",
  getDestroyed: "OBJECT_DESTROYED",
  getUnknown: "OBJECT_NOT_FOUND",
};

const installed = isPykmipInstalled();

it.runIf(process.env.CI === "true")("has python3-pykmip to test with", () => {
  expect(installed).toBe(true);
});

describe.runIf(installed)("PyKMIP", () => {
  let running: RunningServer;

  beforeAll(async () => {
    running = await startServer();
  });

  afterAll(() => running.server.close({ timeoutMs: 1000 }));

  const run = (certificate: TestCertificate, version: string, tls: "1.2" | "any") =>
    runPykmip({
      host: "127.0.0.1",
      port: running.port,
      certificate,
      ca: running.certificate.certPem,
      version,
      tls,
    });

  it.each([
    ["1.0", "1.2"],
    ["1.1", "1.2"],
    ["1.1", "any"],
    ["1.2", "any"],
    ["1.3", "any"],
    ["1.4", "1.2"],
    ["1.4", "any"],
    ["2.0", "1.2"],
    ["2.0", "any"],
  ] as const)("takes a key through its life in KMIP %s over TLS %s", async (version, tls) => {
    const client = await createSelfSigned({ commonName: "pykmip", keyType: "rsa" });
    running.tenants.pin("instance-a", client.sha256);
    const outcome = await run(client, version, tls);
    expect(outcome).toMatchObject({
      ...(version === "2.0" ? REASONS_2 : REASONS_1),
      get: { algorithm: "AES", length: 256, bytes: 32, again: true },
      located: [outcome.identifier],
      renamed: [`${outcome.name}-new`],
      unnamed: [],
      encrypted: version < "1.2" ? null : true,
    });
    expect(outcome.attributes?.State).toContain("ACTIVE");
    expect(outcome.revoked).toContain("DEACTIVATED");
    expect(outcome.list).toContain("Cryptographic Usage Mask");
    expect(outcome.list?.includes("Sensitive")).toBe(version >= "1.4");
  });

  it("gets nothing with a certificate that nobody pinned", async () => {
    const stranger = await createSelfSigned({ commonName: "stranger", keyType: "rsa" });
    const before = running.audit.records.length;
    const outcome = await run(stranger, "1.4", "1.2");
    expect(outcome.error).toBeDefined();
    expect(running.audit.records.length).toBe(before);
    expect(running.failures.at(-1)).toMatchObject({
      reason: "not-pinned",
      certificateSha256: stranger.sha256,
    });
  });
});
