import { createServer, type Server } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { KmipClient, requests, type TlsFacts } from "@/lib/kmip/client/client";
import { OPERATION_REGISTRY } from "@/lib/kmip/operations";
import type { Tenant } from "@/lib/kmip/ports";
import { Operation, QueryFunction, ResultReason, ResultStatus } from "@/lib/kmip/protocol/enumerations";
import { createSelfSigned } from "@/test/support/certificates";
import { EngineHarness, startServer } from "./harness";
import { on } from "./payloads";

const ALLOWED: ReadonlySet<number> = new Set([Operation.DiscoverVersions, Operation.Query]);

/** A probe of the instance that the harness's own tenant keeps its objects in. */
function probeOf({ tenant }: EngineHarness): Tenant {
  return { ...tenant, certificateSha256: "cc".repeat(32), probe: { id: "test-1", operations: ALLOWED } };
}

/** Every method of the store fails the test. */
function forbidStore(harness: EngineHarness): void {
  const touched = (): never => {
    throw new Error("a probe reached the store");
  };
  Object.assign(harness.store, {
    create: touched,
    find: touched,
    readMaterial: touched,
    update: touched,
    destroy: touched,
    search: touched,
  });
}

describe("a probe", () => {
  it("may ask for what it was given, and for nothing else that the engine knows", async () => {
    const harness = new EngineHarness();
    const probe = probeOf(harness);
    const key = await harness.one("1.4", requests.create());
    expect(key.status).toBe(ResultStatus.Success);
    const [object] = harness.store.objects(harness.tenant.instanceId);
    forbidStore(harness);
    expect((await harness.one("1.4", requests.discoverVersions(), probe)).status).toBe(ResultStatus.Success);
    const query = requests.query([QueryFunction.QueryServerInformation]);
    expect((await harness.one("1.4", query, probe)).status).toBe(ResultStatus.Success);

    const others = [...OPERATION_REGISTRY.keys()].filter((code) => !ALLOWED.has(code));
    expect(others).toEqual(
      expect.arrayContaining([Operation.Get, Operation.Locate, Operation.Create, Operation.Destroy]),
    );
    for (const code of others) {
      for (const request of [on(code, object?.uniqueIdentifier), { operation: code, payload: [] }]) {
        const item = await harness.one("2.1", request, probe);
        expect({ code, reason: item.resultReason, payload: item.payload }).toEqual({
          code,
          reason: ResultReason.PermissionDenied,
          payload: [],
        });
      }
    }
    expect((await harness.one("1.4", requests.create(), probe)).resultReason).toBe(
      ResultReason.PermissionDenied,
    );
    expect(harness.audit.records.at(-1)).toMatchObject({
      operation: Operation.Create,
      outcome: "failure",
      uniqueIdentifiers: [],
      tenant: { probe: { id: "test-1" } },
    });
  });

  it("gets no more inside a batch, whatever stands before and whether the batch goes on or stops", async () => {
    const harness = new EngineHarness();
    const probe = probeOf(harness);
    await harness.one("1.4", requests.create());
    forbidStore(harness);
    const batch = [
      requests.discoverVersions(),
      requests.locate(),
      requests.get(),
      requests.create(),
      requests.discoverVersions(),
    ];
    const denied = ResultReason.PermissionDenied;
    const reasons = async (continuation: "stop" | "continue") =>
      (await harness.send("1.4", batch, { continuation }, probe)).items.map(
        ({ resultReason }) => resultReason,
      );
    expect(await reasons("continue")).toEqual([null, denied, denied, denied, null]);
    expect(await reasons("stop")).toEqual([null, denied]);
  });

  it("takes nothing away from the instance's own clients", async () => {
    const harness = new EngineHarness();
    await harness.one("1.4", requests.create(), probeOf(harness));
    expect((await harness.one("1.4", requests.create())).status).toBe(ResultStatus.Success);
  });
});

describe("the client", () => {
  let server: Server | undefined;

  afterEach(() => {
    server?.close();
    server = undefined;
  });

  it("tells how far a connection came, and what was agreed on", async () => {
    const certificate = await createSelfSigned({ commonName: "vcenter" });
    const running = await startServer();
    running.tenants.pin("instance-a", certificate.sha256);
    const steps: (string | TlsFacts)[] = [];
    const options = {
      host: "127.0.0.1",
      port: running.port,
      cert: certificate.certPem,
      key: certificate.keyPem,
      onConnected: () => steps.push("connected"),
      onSecured: (facts: TlsFacts) => steps.push(facts),
    };
    const client = new KmipClient(options);
    try {
      await client.discoverVersions();
      await client.discoverVersions();
      const facts = { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" };
      expect(steps).toEqual(["connected", expect.objectContaining(facts)]);
      const [, secured] = steps;
      if (typeof secured !== "object") {
        throw new Error("facts expected");
      }
      expect(secured.serverCertificate?.fingerprint256.replaceAll(":", "").toLowerCase()).toBe(
        running.certificate.sha256,
      );

      // The wrong server is seen, and told nothing.
      const wary = new KmipClient({ ...options, serverSha256: "00".repeat(32) });
      await expect(wary.discoverVersions()).rejects.toMatchObject({ failure: "certificate" });
      expect(steps).toHaveLength(4);

      const stranger = await createSelfSigned({ commonName: "stranger" });
      const refused = new KmipClient({ ...options, cert: stranger.certPem, key: stranger.keyPem });
      await expect(refused.discoverVersions()).rejects.toSatisfy(
        (error: { failure?: string; code?: string }) =>
          error.failure === "closed" || error.code === "ECONNRESET",
      );
    } finally {
      client.close();
      await running.server.close({ timeoutMs: 500 });
    }
  });

  it.each([
    ["says nothing", null, "timeout"],
    ["announces more than any answer has", "4200780107fffff0", "malformed"],
  ])("gives up on a server that %s", async (_, answer, failure) => {
    const { certPem, keyPem } = await createSelfSigned({ commonName: "odd.example.com" });
    server = createServer({ cert: certPem, key: keyPem }, (socket) => {
      socket.on("error", () => {});
      if (answer !== null) {
        socket.once("data", () => socket.write(Buffer.from(answer, "hex")));
      }
    });
    const listening = server;
    const port = await new Promise<number>((resolve) =>
      listening.listen(0, "127.0.0.1", () => {
        const address = listening.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      }),
    );
    const client = new KmipClient({ host: "127.0.0.1", port, timeoutMs: 500 });
    await expect(client.discoverVersions()).rejects.toMatchObject({ failure });
    client.close();
  });
});
