/**
 * What PyKMIP's own integration tests ask of a server, with PyKMIP's client, as far as it needs no key pair, certificate,
 * split key or Derive Key.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSelfSigned } from "@/test/support/certificates";
import { isPykmipInstalled, runPykmipSuite } from "@/test/support/pykmip";
import { type RunningServer, startServer } from "../kmip/harness";

/** Checks of every version; some only run where the client, or the version, has what they need. */
const ALWAYS = ["asked", "located", "key_created", "key_wrapped", "key_registered_wrapped", "modified"];

describe.runIf(isPykmipInstalled())("PyKMIP's suite", () => {
  let running: RunningServer;

  beforeAll(async () => {
    running = await startServer();
  });

  afterAll(() => running.server.close({ timeoutMs: 1_000 }));

  it.each(["1.0", "1.1", "1.2", "1.3", "1.4"])(
    "passes in %s",
    async (version) => {
      const certificate = await createSelfSigned({ commonName: "pykmip", keyType: "rsa" });
      running.tenants.pin(`instance-${version}`, certificate.sha256);
      const outcome = await runPykmipSuite({
        host: "127.0.0.1",
        port: running.port,
        certificate,
        ca: running.certificate.certPem,
        version,
        tls: "1.2",
      });
      expect(Object.keys(outcome)).toEqual(expect.arrayContaining(ALWAYS));
      expect("encrypted" in outcome && "authenticated" in outcome).toBe(version >= "1.2");
      expect(Object.entries(outcome).filter(([, failure]) => failure !== null)).toEqual([]);
    },
    60_000,
  );
});
