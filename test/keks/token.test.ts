import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setAuditWriter } from "@/lib/core/audit";
import { createInstance, rotateRootKey, updateInstance } from "@/lib/core/instances";
import { openInstanceKeyManager } from "@/lib/core/key-managers/open-key-manager";
import { checkInstance } from "@/lib/core/permissions/check-instance";
import { rewrapInstance } from "@/lib/core/rewrap/rewrap";
import { unsealSecret } from "@/lib/core/secrets";
import { setDatabase } from "@/lib/db";
import { KmipClient, KmipOperationError } from "@/lib/kmip/client/client";
import { RevocationReasonCode, State } from "@/lib/kmip/protocol/enumerations";
import { call, hasSoftHsm, softHsmForTests, type TestToken } from "@/test/key-managers/support/softhsm";
import { administerToken } from "@/test/key-managers/support/token-administrator";
import { createSelfSigned } from "@/test/support/certificates";
import { actorOf, recordingLogger } from "@/test/support/kek-fixtures";
import { type Endpoint, worldForTests } from "@/test/support/world";

/** An endpoint with a SoftHSM token behind it: ordered in the console, used over mutual TLS. */
describe.skipIf(!hasSoftHsm)("an endpoint with an HSM token behind it", () => {
  const hsm = softHsmForTests();
  const world = worldForTests();
  let endpoint: Endpoint;
  let client: KmipClient;
  let token: TestToken;
  let instanceId: string;
  let actor: ReturnType<typeof actorOf>;

  beforeAll(async () => {
    setDatabase(world.test.database);
    actor = actorOf(world.accountId);
    endpoint = await world.openEndpoint({ openKeyManager: (row) => openInstanceKeyManager(row) });
    setAuditWriter(endpoint.writer);
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
    client = endpoint.connect(identity);
  });

  afterAll(() => {
    client?.close();
    setAuditWriter(null);
    setDatabase(null);
  });

  const material = async (identifier: string) => Buffer.from((await client.get(identifier)).material);
  const row = (uniqueIdentifier: string) =>
    world.test.database.prisma.managedObject.findFirstOrThrow({ where: { uniqueIdentifier } });

  it("keeps the PIN sealed and nowhere else", async () => {
    const { apiKeySealed, ...rest } = await world.test.database.prisma.instance.findUniqueOrThrow({
      where: { id: instanceId },
    });

    expect(unsealSecret(apiKeySealed ?? new Uint8Array(), `instance-api-key:${instanceId}`).toString()).toBe(
      token.pin,
    );
    const events = await world.test.database.pool.query("SELECT * FROM audit_event");
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
      await world.test.database.prisma.instance.findUniqueOrThrow({ where: { id: instanceId } }),
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
        database: world.test.database,
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
      port: endpoint.port,
      cert: identity.certPem,
      key: identity.keyPem,
      version: "1.1",
    });

    try {
      const objects = await administerToken(token, { countData: true });
      const identifier = await other.create();
      expect(Buffer.from((await other.get(identifier)).material)).toHaveLength(32);
      expect(await administerToken(token, { countData: true })).toBe(objects);

      const { rows } = await world.test.database.pool.query("SELECT name FROM pkcs11_wrapped_key");
      expect(rows).toEqual([{ name: identifier }]);
      await world.test.database.pool.query("UPDATE pkcs11_wrapped_key SET description = 'another'");
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
