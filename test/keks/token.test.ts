import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createAuditWriter, type HashChainWriter } from "@/lib/audit/writer";
import { setAuditWriter } from "@/lib/core/audit";
import { createInstance, rotateRootKey, updateInstance } from "@/lib/core/instances";
import { createKmipPorts, type KmipPorts } from "@/lib/core/keks";
import { openInstanceKeyManager } from "@/lib/core/key-managers/open-key-manager";
import { checkInstance } from "@/lib/core/permissions/check-instance";
import { rewrapInstance } from "@/lib/core/rewrap/rewrap";
import { ensureMasterKey, unsealSecret } from "@/lib/core/secrets";
import { setDatabase } from "@/lib/db";
import { KmipClient, KmipOperationError } from "@/lib/kmip/client/client";
import { createKmipEngine } from "@/lib/kmip/engine/engine";
import { RevocationReasonCode, State } from "@/lib/kmip/protocol/enumerations";
import { createKmipServer, type KmipServer } from "@/lib/kmip/transport/server";
import { call, hasSoftHsm, softHsmForTests, type TestToken } from "@/test/key-managers/support/softhsm";
import { administerToken } from "@/test/key-managers/support/token-administrator";
import { createSelfSigned } from "@/test/support/certificates";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";
import { actorOf, addAccount, recordingLogger } from "@/test/support/kek-fixtures";

/** An endpoint with a SoftHSM token behind it: ordered in the console, used over mutual TLS. */
describe.skipIf(!hasSoftHsm)("an endpoint with an HSM token behind it", () => {
  const hsm = softHsmForTests();
  const dataDir = mkdtempSync(join(tmpdir(), "kmip-console-token-"));
  vi.stubEnv("DATA_DIR", dataDir);

  let test: TestDatabase;
  let writer: HashChainWriter;
  let ports: KmipPorts;
  let server: KmipServer;
  let client: KmipClient;
  let token: TestToken;
  let instanceId: string;
  let port: number;
  let actor: ReturnType<typeof actorOf>;

  beforeAll(async () => {
    ensureMasterKey(join(dataDir, "master.key"));
    test = await createTestDatabase();
    setDatabase(test.database);
    actor = actorOf(await addAccount(test.database));
    writer = createAuditWriter({ pool: test.database.pool, node: "zone-1" });
    setAuditWriter(writer);
    token = await hsm.makeToken("vault");
    await token.connect().generateRootKey("crk", call);

    const identity = await createSelfSigned({ commonName: "vcenter" });
    const instance = await createInstance(actor, {
      name: "on our own HSM",
      region: "eu-de",
      keyManager: { kind: "pkcs11", apiKey: token.pin, crn: token.uri, crkId: "crk" },
      clientCertificates: [{ name: "vcenter", pem: identity.certPem }],
      cachePolicy: { cacheTtlSeconds: 0 },
    });
    instanceId = instance.id;
    expect(instance).toMatchObject({
      status: "installed",
      keyManagerKind: "pkcs11",
      keyManagerName: "vault",
      crkId: "crk",
      crkVersion: "01",
    });

    const logger = recordingLogger();
    ports = createKmipPorts({
      database: test.database,
      sink: writer,
      logger,
      openKeyManager: (row) => openInstanceKeyManager(row),
    });
    const endpoint = await createSelfSigned({ commonName: "zone-1" });
    server = createKmipServer({
      host: "127.0.0.1",
      port: 0,
      tls: { cert: endpoint.certPem, key: endpoint.keyPem },
      engine: createKmipEngine({ store: ports.store, audit: ports.audit, logger }),
      tenants: ports.tenants,
      logger,
    });
    await ports.ready;
    ({ port } = await server.listen());
    client = new KmipClient({
      host: "127.0.0.1",
      port,
      cert: identity.certPem,
      key: identity.keyPem,
      version: "1.1",
    });
  });

  afterAll(async () => {
    client?.close();
    await server?.close({ timeoutMs: 1_000 });
    await ports?.close();
    await writer?.close();
    setAuditWriter(null);
    setDatabase(null);
    await test?.drop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const material = async (identifier: string) => Buffer.from((await client.get(identifier)).material);
  const row = (uniqueIdentifier: string) =>
    test.database.prisma.managedObject.findFirstOrThrow({ where: { uniqueIdentifier } });

  it("keeps the PIN sealed and nowhere else", async () => {
    const { apiKeySealed, ...rest } = await test.database.prisma.instance.findUniqueOrThrow({
      where: { id: instanceId },
    });

    expect(unsealSecret(apiKeySealed ?? new Uint8Array(), `instance-api-key:${instanceId}`).toString()).toBe(
      token.pin,
    );
    const events = await test.database.pool.query("SELECT * FROM audit_event");
    expect(JSON.stringify([rest, events.rows])).not.toContain(token.pin);
  });

  it("makes, serves and destroys a KEK that is in the token alone", async () => {
    const identifier = await client.create();
    await client.activate(identifier);
    const kek = await material(identifier);
    expect(kek).toHaveLength(32);
    expect(await material(identifier)).toEqual(kek);

    const { keyManagerKeyId, crkVersion } = await row(identifier);
    expect(crkVersion).toBe("01");
    const stored = await token.connect().getStandardKey(keyManagerKeyId ?? "", call);
    expect(stored.name).toBe(identifier);
    expect(Buffer.from(stored.payload).includes(kek)).toBe(false);

    await client.revoke(identifier, RevocationReasonCode.CessationOfOperation);
    await client.destroy(identifier);
    await expect(token.connect().getStandardKey(keyManagerKeyId ?? "", call)).rejects.toMatchObject({
      failure: "notFound",
    });
  });

  it("serves no KEK whose data object somebody deleted in the token, and calls it destroyed", async () => {
    const identifier = await client.create();
    await material(identifier);
    await administerToken(token, { deleteData: identifier });

    await expect(material(identifier)).rejects.toBeInstanceOf(KmipOperationError);
    expect((await row(identifier)).state).toBe(State.Destroyed);
  });

  it("serves nothing while the root key may not decrypt, says so, and heals", async () => {
    const identifier = await client.create();
    const kek = await material(identifier);
    const status = async () => {
      const { after } = await checkInstance(instanceId, "schedule");

      return [after.status, after.statusReason];
    };

    await administerToken(token, { setKey: "crk", encrypt: false, decrypt: false });
    await expect(material(identifier)).rejects.toBeInstanceOf(KmipOperationError);
    await expect(client.create()).rejects.toBeInstanceOf(KmipOperationError);
    expect(await status()).toEqual(["attention", "TOKEN_KEY_SUSPENDED"]);
    expect((await row(identifier)).state).not.toBe(State.Destroyed);

    await administerToken(token, { setKey: "crk", encrypt: true, decrypt: true });
    expect(await material(identifier)).toEqual(kek);
    expect(await status()).toEqual(["installed", null]);
  });

  it("serves KEKs of an older version of the root key", async () => {
    const identifier = await client.create();
    const kek = await material(identifier);
    await token.connect().generateRootKey("crk", call);

    expect(await material(identifier)).toEqual(kek);
    await checkInstance(instanceId, "schedule");
    expect(
      await test.database.prisma.instance.findUniqueOrThrow({ where: { id: instanceId } }),
    ).toMatchObject({ crkVersion: "02", status: "installed" });
  });

  it("rotates the root key from the console, and moves the KEKs to the new version", async () => {
    const identifier = await client.create();
    const kek = await material(identifier);
    const before = await row(identifier);
    const { crkVersion } = await rotateRootKey(actor, instanceId);
    expect(crkVersion).not.toBe(before.crkVersion);

    await rewrapInstance(
      {
        database: test.database,
        logger: recordingLogger(),
        openKeyManager: (of) => openInstanceKeyManager(of),
      },
      instanceId,
    );
    const after = await row(identifier);
    expect(after.crkVersion).toBe(crkVersion);
    expect(after.keyManagerKeyId).not.toBe(before.keyManagerKeyId);
    expect(await material(identifier)).toEqual(kek);
    await expect(token.connect().getStandardKey(before.keyManagerKeyId ?? "", call)).rejects.toMatchObject({
      failure: "notFound",
    });
  });

  it("keeps wrapped KEKs in the database where that was decided, and checks them there", async () => {
    const identity = await createSelfSigned({ commonName: "vcenter of the second" });
    const instance = await createInstance(actor, {
      name: "no data objects",
      region: "eu-de",
      keyManager: { kind: "pkcs11", apiKey: token.pin, crn: `${token.uri}&x-storage=database`, crkId: "crk" },
      clientCertificates: [{ name: "vcenter", pem: identity.certPem }],
      cachePolicy: { cacheTtlSeconds: 0 },
    });
    expect(instance.keyManagerEndpoint).toBe(`${token.uri}&x-storage=database`);
    const other = new KmipClient({
      host: "127.0.0.1",
      port,
      cert: identity.certPem,
      key: identity.keyPem,
      version: "1.1",
    });

    try {
      const objects = await administerToken(token, { countData: true });
      const identifier = await other.create();
      expect(Buffer.from((await other.get(identifier)).material)).toHaveLength(32);
      expect(await administerToken(token, { countData: true })).toBe(objects);

      const { rows } = await test.database.pool.query("SELECT name FROM pkcs11_wrapped_key");
      expect(rows).toEqual([{ name: identifier }]);
      await test.database.pool.query("UPDATE pkcs11_wrapped_key SET description = 'another'");
      await expect(other.get(identifier)).rejects.toBeInstanceOf(KmipOperationError);
      expect((await row(identifier)).state).not.toBe(State.Destroyed);
      // The periodic check stays with what was decided.
      const { report } = await checkInstance(instance.id, "schedule");
      expect(report.checks.at(-1)).toMatchObject({ id: "storage", code: "TOKEN_SIGNS_STORED_KEYS" });
    } finally {
      other.close();
    }
  });

  it("takes a new PIN only if the token does", async () => {
    await expect(updateInstance(actor, instanceId, { apiKey: "some-other-pin" })).rejects.toMatchObject({
      code: "PERMISSION_CHECK_FAILED",
    });
    await updateInstance(actor, instanceId, { apiKey: token.pin });
  });
});
