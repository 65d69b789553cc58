import { describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { Secret } from "@/lib/ibm-cloud/secret";
import { createSelfSigned } from "@/test/support/certificates";
import { callApi, houseForTests, keyManagerOf } from "./support/house";
import { makeKeks } from "./support/keks";

const house = houseForTests();
const token = () => house.a.tokens.administrator;

const setPolicy = (enabled: boolean) =>
  house.cloud.administer("key-protect", "PUT", "/instance/policies?policy=dualAuthDelete", {
    body: {
      metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
      resources: [{ policy_type: "dualAuthDelete", policy_data: { enabled } }],
    },
  });

/** As a second person sets a key for deletion. */
async function authorise(keyId: string): Promise<void> {
  const { sandbox, credentials, cloud } = house.cloud;
  const { viewerOnly, keyProtect } = credentials;
  await sandbox.control.setRoles({
    serviceId: viewerOnly.serviceId,
    instanceGuid: keyProtect.guid,
    roles: ["Viewer", "Writer"],
  });
  const call = { correlationId: "second-person" };
  const { value } = await cloud.iam.tokenSource(new Secret(viewerOnly.apiKey)).token(call);
  const answer = await fetch(
    `${sandbox.url}/key-protect/us-south/api/v2/keys/${keyId}/actions/setKeyForDeletion`,
    {
      method: "POST",
      headers: { Authorization: `Bearer ${value.reveal()}`, "Bluemix-Instance": keyProtect.guid },
    },
  );
  expect(answer.status).toBe(204);
}

describe("a key manager that asks for two people to delete keys", () => {
  it("keeps an instance's removal waiting for the guarded KEKs alone, and says why", async () => {
    const { certPem } = await createSelfSigned({ commonName: "guarded" });
    const { body } = await callApi(operations.createInstance, {
      token: token(),
      body: {
        name: "guarded",
        region: "us-south",
        keyManager: keyManagerOf(house),
        clientCertificates: [{ name: "vcenter", pem: certPem }],
      },
    });
    const id = body.id as string;
    const list = await callApi(operations.listClientCertificates, { token: token(), params: { id } });
    const certificate = list.body.items[0] as { id: string; sha256: string };
    await setPolicy(true);
    const [guarded = ""] = await makeKeks(house, id, certificate, 1);
    await setPolicy(false);
    await makeKeks(house, id, certificate, 4);

    const remove = () =>
      callApi(operations.deleteInstance, {
        token: token(),
        params: { id },
        body: { confirmName: "guarded", force: true, destroyKeks: true },
      });
    const refused = await remove();
    expect({ status: refused.status, body: refused.body }).toMatchObject({
      status: 422,
      body: {
        code: "KEY_MANAGER_REJECTED",
        detail: expect.stringContaining("second person"),
        keyManager: { code: "AUTHORIZATIONS_NOT_MET" },
      },
    });

    const left = await house.database.prisma.managedObject.findMany({
      where: { instanceId: id, storage: { not: "destroyed" } },
      select: { uniqueIdentifier: true, keyManagerKeyId: true },
    });
    expect(left.map(({ uniqueIdentifier }) => uniqueIdentifier)).toEqual([guarded]);
    await authorise(left[0]?.keyManagerKeyId ?? "");
    expect((await remove()).status).toBe(204);
  });
});
