/** Debian's PyKMIP client (python3-pykmip) against the server: an implementation that is not ours. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { type RunningServer, startServer } from "./harness";

const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("./pykmip_client.py", import.meta.url));

function isInstalled(): boolean {
  try {
    execFileSync(PYTHON, ["-c", "import kmip, ssl; ssl.wrap_socket"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const installed = isInstalled();

it.runIf(process.env.CI === "true")("has python3-pykmip to test with", () => {
  expect(installed).toBe(true);
});

describe.runIf(installed)("PyKMIP", () => {
  let running: RunningServer;
  let folder: string;

  beforeAll(async () => {
    running = await startServer();
    folder = mkdtempSync(path.join(tmpdir(), "pykmip-"));
    writeFileSync(path.join(folder, "ca.pem"), running.certificate.certPem);
  });

  afterAll(async () => {
    await running.server.close({ timeoutMs: 1000 });
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(certificate: TestCertificate, version: string, tls: "1.2" | "any") {
    const file = (name: string) => path.join(folder, name);
    writeFileSync(file("client.pem"), certificate.certPem);
    writeFileSync(file("client.key"), certificate.keyPem, { mode: 0o600 });
    const { stdout } = await promisify(execFile)(
      PYTHON,
      [
        "-W",
        "ignore",
        SCRIPT,
        "127.0.0.1",
        String(running.port),
        file("client.pem"),
        file("client.key"),
        file("ca.pem"),
        version,
        tls,
      ],
      { env: { ...process.env, HOME: folder } },
    );
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null");
  }

  it.each([
    ["1.0", "1.2"],
    ["1.1", "1.2"],
    ["1.1", "any"],
    ["1.2", "any"],
    ["1.3", "any"],
    ["1.4", "1.2"],
    ["1.4", "any"],
  ] as const)("takes a key through its life in KMIP %s over TLS %s", async (version, tls) => {
    const client = await createSelfSigned({ commonName: "pykmip", keyType: "rsa" });
    running.tenants.pin("instance-a", client.sha256);
    const outcome = await run(client, version, tls);
    expect(outcome).toMatchObject({
      activateTwice: "PERMISSION_DENIED",
      destroyActive: "PERMISSION_DENIED",
      get: { algorithm: "AES", length: 256, bytes: 32, again: true },
      located: [outcome.identifier],
      getDestroyed: "ILLEGAL_OPERATION",
      getUnknown: "ITEM_NOT_FOUND",
    });
    expect(outcome.attributes.State).toContain("ACTIVE");
    expect(outcome.revoked).toContain("DEACTIVATED");
    expect(outcome.list).toContain("Cryptographic Usage Mask");
    expect(outcome.list.includes("Sensitive")).toBe(version === "1.4");
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
