import { describe, expect, inject, it } from "vitest";
import { KmipOperationError } from "@/lib/kmip/client/client";
import { ResultReason } from "@/lib/kmip/protocol/enumerations";
import { keyProtect } from "../support/product";
import { type House, openHouse, orderInstance } from "./support";

const house: House = await openHouse(inject("product"));

type Kek = { uniqueIdentifier: string; state: string; served: boolean; keyManagerKeyId: string };

async function readKek(instanceId: string, identifier: string): Promise<Kek> {
  const { status, body } = await house.api("GET", `/instances/${instanceId}/keks/${identifier}`);

  expect(status).toBe(200);

  return body as Kek;
}

async function reasonOf(call: Promise<unknown>): Promise<number | null> {
  try {
    await call;

    return null;
  } catch (error) {
    if (error instanceof KmipOperationError) {
      return error.resultReason;
    }

    throw error;
  }
}

describe("revocation by the console", () => {
  it("stops serving on both endpoints at once, and restoring starts it again", async () => {
    const instance = await orderInstance(house, {
      cachePolicy: { cacheTtlSeconds: 3600, outageGraceSeconds: 0 },
    });
    const [first, second] = [instance.client(1), instance.client(2)];
    const identifier = await first.create();
    const material = Buffer.from((await first.get(identifier)).material);

    // A key made at endpoint 1 is served at once at endpoint 2, from its memory from now on.
    expect(Buffer.from((await second.get(identifier)).material).equals(material)).toBe(true);

    const revoked = await house.api("POST", `/instances/${instance.id}/keks/${identifier}/revoke`, {
      reason: "keyCompromise",
      message: "laptop stolen",
    });

    expect(revoked.status).toBe(200);
    await expect
      .poll(() => reasonOf(first.get(identifier)), { timeout: 2_000 })
      .toBe(ResultReason.PermissionDenied);
    await expect
      .poll(() => reasonOf(second.get(identifier)), { timeout: 2_000 })
      .toBe(ResultReason.PermissionDenied);
    expect(await readKek(instance.id, identifier)).toMatchObject({ state: "compromised", served: false });

    const restored = await house.api("POST", `/instances/${instance.id}/keks/${identifier}/restore-service`);

    expect(restored.status).toBe(200);
    await expect.poll(() => reasonOf(second.get(identifier)), { timeout: 2_000 }).toBeNull();
    // Serving is restored, the KMIP state is not: what is compromised stays so.
    expect(await readKek(instance.id, identifier)).toMatchObject({ state: "compromised", served: true });
    first.close();
    second.close();
  });
});

describe("revocation in the key manager", () => {
  it("makes the next Get fail when the standard key is deleted there", async () => {
    const instance = await orderInstance(house);
    const client = instance.client();
    const identifier = await client.create();

    await client.activate(identifier);
    expect((await client.get(identifier)).material).toHaveLength(32);

    const { keyManagerKeyId } = await readKek(instance.id, identifier);
    const list = await keyProtect(house.access, "GET", `/keys?search=exact:name:${identifier}`);

    // The KEK is a standard key named after its identifier.
    expect(list.body.resources).toEqual([
      expect.objectContaining({ id: keyManagerKeyId, name: identifier, extractable: true }),
    ]);
    expect((await keyProtect(house.access, "DELETE", `/keys/${keyManagerKeyId}`)).status).toBeLessThan(300);
    expect(await reasonOf(client.get(identifier))).not.toBeNull();
    await expect.poll(async () => (await readKek(instance.id, identifier)).state).toBe("destroyed");
    expect(await reasonOf(client.get(identifier))).not.toBeNull();
    client.close();
  });

  it("stops every Get when the root key is disabled, and heals when it is enabled", async () => {
    const crkId = house.access.keyProtect.rootKeys[1]?.id ?? "";
    const instance = await orderInstance(house, {
      keyManager: {
        kind: "key-protect",
        apiKey: house.access.manager.apiKey,
        crn: house.access.keyProtect.crn,
        crkId,
      },
    });
    const client = instance.client();
    const identifiers = [await client.create(), await client.create(), await client.create()];

    expect((await keyProtect(house.access, "POST", `/keys/${crkId}/actions/disable`)).status).toBe(204);

    for (const identifier of identifiers) {
      expect(await reasonOf(client.get(identifier))).toBe(ResultReason.PermissionDenied);
    }

    expect(await reasonOf(client.create())).not.toBeNull();

    const check = await house.api("POST", `/instances/${instance.id}/permission-checks`);

    expect(check.body).toMatchObject({ ok: false });
    expect((await house.api("GET", `/instances/${instance.id}`)).body).toMatchObject({
      status: "attention",
      crk: { state: "suspended" },
    });
    expect((await keyProtect(house.access, "POST", `/keys/${crkId}/actions/enable`)).status).toBe(204);

    for (const identifier of identifiers) {
      expect(await reasonOf(client.get(identifier))).toBeNull();
    }

    await house.api("POST", `/instances/${instance.id}/permission-checks`);
    expect((await house.api("GET", `/instances/${instance.id}`)).body).toMatchObject({ status: "installed" });
    client.close();
  });
});

describe("a removed client certificate", () => {
  it("loses its open connections on every endpoint, and every key", async () => {
    const instance = await orderInstance(house);
    const clients = [instance.client(1), instance.client(2)];
    const identifier = await clients[0]?.create();

    for (const client of clients) {
      await client.get(identifier ?? "");
    }

    const removed = await house.api(
      "DELETE",
      `/instances/${instance.id}/client-certificates/${instance.certificateId}`,
    );

    expect(removed.status).toBe(204);

    for (const client of clients) {
      await expect
        .poll(
          () =>
            client.get(identifier ?? "").then(
              () => "served",
              () => "closed",
            ),
          { timeout: 3_000 },
        )
        .toBe("closed");
    }
  });
});
