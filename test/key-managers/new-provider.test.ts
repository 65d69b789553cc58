import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as operations from "@/lib/api/operations";
import { createAuditWriter, type HashChainWriter } from "@/lib/audit/writer";
import { openInstanceKeyManager } from "@/lib/core/key-managers/open-key-manager";
import { createKmipPorts, type KmipPorts } from "@/lib/core/serving";
import { KmipClient, KmipOperationError } from "@/lib/kmip/client/client";
import { createKmipEngine } from "@/lib/kmip/engine/engine";
import { ResultReason, RevocationReasonCode } from "@/lib/kmip/protocol/enumerations";
import { createKmipServer, type KmipServer } from "@/lib/kmip/transport/server";
import { callApi, houseForTests } from "@/test/api/support/house";
import { createSelfSigned } from "@/test/support/certificates";
import { recordingLogger } from "@/test/support/kek-fixtures";
import { SAFE } from "./memory-provider";

// The one line of the registry that a new provider takes.
vi.mock("@/lib/key-managers/registry", async (original) => {
  const { PROVIDERS } = await original<typeof import("@/lib/key-managers/registry")>();
  const { memory } = await import("./memory-provider");

  return { PROVIDERS: [...PROVIDERS, memory] };
});

const house = houseForTests();
const token = () => house.a.tokens.administrator;
const CRN = "memory:safe";

describe("a kind of key manager that nothing but the registry knows", () => {
  const crkId = randomUUID();
  const keyManager = { kind: "memory", apiKey: SAFE.word, crn: CRN, crkId };
  let writer: HashChainWriter;
  let ports: KmipPorts;
  let server: KmipServer;
  let client: KmipClient;
  let instanceId = "";

  beforeAll(() => {
    SAFE.rootKeys.set(crkId, { name: "crown", state: "active", versions: [randomBytes(32)] });
  });

  afterAll(async () => {
    client?.close();
    await server?.close({ timeoutMs: 1_000 });
    await ports?.close();
    await writer?.close();
  });

  it("stands in the list from which an order is made", async () => {
    const { body } = await callApi(operations.listKeyManagers, { token: house.a.tokens.viewer });

    expect(operations.listKeyManagers.response.parse(body)).toEqual(body);
    expect(body.items.at(-1)).toMatchObject({
      kind: "memory",
      title: "Memory",
      credential: {
        type: "pin",
        fields: [{ name: "apiKey", secret: true, minLength: 4 }],
        toDiscover: false,
      },
      oneInstanceEach: true,
      deprecation: { endsAt: "2030-01-01T00:00:00.000Z", successor: "pkcs11" },
      unavailable: null,
    });
  });

  it("is discovered, and shows its root keys to whoever knows the word", async () => {
    const { body: found } = await callApi(operations.discoverKeyManagers, {
      token: token(),
      body: { kind: "memory" },
    });
    expect(operations.discoverKeyManagers.response.parse(found)).toEqual(found);
    expect(found).toMatchObject({ keyManagers: [{ crn: CRN, name: "The safe" }], notOffered: [] });

    const rootKeys = (apiKey: string | undefined, keyManagerCrn = CRN) =>
      callApi(operations.listRootKeys, { token: token(), body: { kind: "memory", apiKey, keyManagerCrn } });
    expect((await rootKeys(SAFE.word)).body).toMatchObject({
      items: [{ id: crkId, name: "crown", state: "active", versions: 1 }],
      keyRings: ["default"],
    });
    expect(await rootKeys("close sesame")).toMatchObject({
      status: 422,
      body: { code: "KEY_MANAGER_CREDENTIALS" },
    });
    expect(await rootKeys(undefined)).toMatchObject({
      status: 400,
      body: { code: "VALIDATION_FAILED", invalidParams: [{ name: "apiKey" }] },
    });
  });

  it("has a permission report, in the order of its checks and with its own commands", async () => {
    const validate = (change: object) =>
      callApi(operations.validateKeyManager, {
        token: token(),
        body: { kind: "memory", apiKey: SAFE.word, keyManagerCrn: CRN, crkId, ...change },
      });
    const { body: report } = await validate({});
    expect(operations.validateKeyManager.response.parse(report)).toEqual(report);
    expect(report.ok).toBe(true);
    expect(report.checks.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual([
      ["pin", "pass"],
      ["crkFound", "pass"],
      ["wrapUnwrap", "pass"],
    ]);

    expect((await validate({ apiKey: "close sesame" })).body).toMatchObject({
      ok: false,
      checks: [
        { id: "pin", status: "fail", code: "SAFE_SHUT", command: "say 'open sesame'" },
        { id: "crkFound", status: "skipped", code: "WAITS_FOR", params: { check: "pin" } },
        { id: "wrapUnwrap", status: "skipped", params: { check: "pin" } },
      ],
    });
    expect(await validate({ keyManagerCrn: "memory:other" })).toMatchObject({
      status: 400,
      body: { invalidParams: [{ name: "keyManagerCrn", code: "NO_SAFE" }] },
    });
  });

  it("is ordered and activated, and is nobody else's then", async () => {
    const { certPem, keyPem } = await createSelfSigned({ commonName: "vcenter" });
    const { body: ordered } = await callApi(operations.createInstance, {
      token: token(),
      body: { name: "in memory", region: "here", cachePolicy: { cacheTtlSeconds: 0 } },
    });
    const activate = (change: object) =>
      callApi(operations.activateInstance, {
        token: token(),
        params: { id: ordered.id },
        body: {
          keyManager: { ...keyManager, ...change },
          clientCertificates: [{ name: "vcenter", pem: certPem }],
        },
      });
    expect(await activate({ apiKey: "close sesame" })).toMatchObject({
      status: 422,
      body: { code: "PERMISSION_CHECK_FAILED", report: { ok: false } },
    });
    const { status, body } = await activate({});
    expect({ status, body }).toMatchObject({
      status: 202,
      body: {
        status: "installed",
        keyManager: { kind: "memory", crn: CRN, guid: "safe", name: "The safe" },
        crk: { id: crkId, name: "crown", state: "active", currentVersion: "0" },
        endpoints: [{ dedicated: false }, { dedicated: false }],
      },
    });
    instanceId = body.id;

    expect(
      await callApi(operations.createInstance, {
        token: house.b.tokens.administrator,
        body: { name: "too late", region: "here", keyManager },
      }),
    ).toMatchObject({ status: 409, body: { code: "KEY_MANAGER_IN_USE" } });
    expect(
      (await callApi(operations.discoverKeyManagers, { token: token(), body: { kind: "memory" } })).body,
    ).toMatchObject({ keyManagers: [], notOffered: [{ crn: CRN, reason: "IN_USE" }] });
    await serve({ cert: certPem, key: keyPem });
  });

  async function serve(identity: { cert: string; key: string }): Promise<void> {
    const logger = recordingLogger();
    const endpoint = await createSelfSigned({ commonName: "zone-1" });
    writer = createAuditWriter({ pool: house.database.pool, node: "zone-1" });
    ports = createKmipPorts({
      database: house.database,
      sink: writer,
      logger,
      openKeyManager: (instance) => openInstanceKeyManager(instance),
    });
    server = createKmipServer({
      host: "127.0.0.1",
      port: 0,
      tls: { cert: endpoint.certPem, key: endpoint.keyPem },
      engine: createKmipEngine({ store: ports.store, audit: ports.audit, logger }),
      tenants: ports.tenants,
      logger,
    });
    await ports.ready;
    const { port } = await server.listen();
    client = new KmipClient({ host: "127.0.0.1", port, ...identity, version: "1.1" });
  }

  it("keeps KEKs that are created, served and destroyed over KMIP", async () => {
    const identifier = await client.create();
    const material = Buffer.from((await client.get(identifier)).material);
    const [kept] = SAFE.kept.values();
    expect(material).toHaveLength(32);
    expect(kept?.name).toBe(identifier);
    expect(Buffer.from(kept?.payload ?? []).includes(material)).toBe(false);

    // What happens to the root key stops the next Get, and nothing is lost by it.
    const crown = SAFE.rootKeys.get(crkId);
    Object.assign(crown ?? {}, { state: "suspended" });
    await expect(client.get(identifier)).rejects.toMatchObject({
      resultReason: ResultReason.PermissionDenied,
    });
    Object.assign(crown ?? {}, { state: "active" });
    expect(Buffer.from((await client.get(identifier)).material)).toEqual(material);

    await client.activate(identifier);
    await client.revoke(identifier, RevocationReasonCode.CessationOfOperation);
    await client.destroy(identifier);
    expect(SAFE.kept.size).toBe(0);
    await expect(client.get(identifier)).rejects.toBeInstanceOf(KmipOperationError);
  });

  it("is checked again later with what was sealed", async () => {
    const { body } = await callApi(operations.runPermissionCheck, {
      token: token(),
      params: { id: instanceId },
    });

    expect(body).toMatchObject({
      ok: true,
      checks: [{ id: "pin" }, { id: "crkFound" }, { id: "wrapUnwrap" }],
    });
  });
});
