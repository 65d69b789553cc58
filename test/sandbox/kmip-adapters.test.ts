import { expect, test } from "vitest";
import { z } from "zod";

import { createSelfSigned } from "../support/certificates";
import { type Kms, kmsClient, newKey, startSandbox } from "./support/harness";

const resourceSchema = z.looseObject({ id: z.string(), name: z.string() });

function envelope(type: "kmip_adapter" | "kmip_client_certificate", resource: Record<string, unknown>) {
  return {
    metadata: { collectionType: `application/vnd.ibm.kms.${type}+json`, collectionTotal: 1 },
    resources: [resource],
  };
}

const createAdapter = (kms: Kms, crkId = "", fields: Record<string, unknown> = {}) =>
  kms("POST", "/kmip_adapters", {
    body: envelope("kmip_adapter", { profile: "native_1.0", profile_data: { crk_id: crkId }, ...fields }),
  });
const createCertificate = (kms: Kms, adapter: string, fields: Record<string, unknown>) =>
  kms("POST", `/kmip_adapters/${adapter}/certificates`, {
    body: envelope("kmip_client_certificate", fields),
  });

test("adapters are made for a root key, found by name and identifier, listed by pages and deleted", async () => {
  const sandbox = await startSandbox();
  const kms = await kmsClient(sandbox);
  const [first, second] = sandbox.credentials().keyProtect.rootKeys;

  const made = await createAdapter(kms, first?.id, { name: "vcenter", description: "for vCenter" });
  expect([made.status, made.keys()]).toMatchObject([
    201,
    [
      {
        name: "vcenter",
        description: "for vCenter",
        profile: "native_1.0",
        profile_data: { crk_id: first?.id },
      },
    ],
  ]);
  const unnamed = (await createAdapter(kms, second?.id)).key();
  expect(unnamed.name).toMatch(/^kmip_adapter_\w+$/);
  expect((await kms("GET", "/kmip_adapters/vcenter")).key()).toEqual(made.key());
  expect((await kms("GET", `/kmip_adapters/${unnamed.id}`)).key()).toEqual(unnamed);
  const page = await kms("GET", "/kmip_adapters?limit=1&offset=1&totalCount=true");
  expect(page.json()).toMatchObject({ metadata: { collectionTotal: 1, totalCount: 2 } });
  expect(page.key()).toEqual(unnamed);
  expect((await kms("GET", `/kmip_adapters?crk_id=${first?.id}`)).keys()).toHaveLength(1);

  expect((await kms("GET", "/kmip_adapters/vcenter/kmip_objects")).keys()).toEqual([]);
  expect((await kms("GET", "/kmip_adapters/vcenter/kmip_objects/x")).status).toBe(404);
  expect((await kms("DELETE", "/kmip_adapters/vcenter/kmip_objects/x")).status).toBe(404);
  expect((await kms("DELETE", "/kmip_adapters/vcenter")).status).toBe(204);
  expect((await kms("GET", "/kmip_adapters/vcenter")).status).toBe(404);
});

test("an adapter needs an active root key and a name of its own", async () => {
  const sandbox = await startSandbox();
  const kms = await kmsClient(sandbox);
  const [first, second] = sandbox.credentials().keyProtect.rootKeys;
  const standard = (await kms("POST", "/keys", { body: newKey({ name: "x1", extractable: true }) })).key();
  await kms("POST", `/keys/${second?.id}/actions/disable`);
  await createAdapter(kms, first?.id, { name: "taken" });
  const code = async (crkId?: string, fields?: Record<string, unknown>) =>
    (await createAdapter(kms, crkId, fields)).code();

  expect(await code("no-such-key")).toBe("KEY_NOT_FOUND_ERR");
  expect(await code(standard.id)).toBe("KEY_ROOT_REQ_ERR");
  expect(await code(second?.id)).toBe("KEY_ACTION_INVALID_STATE_ERR");
  expect(await code(first?.id, { name: "taken" })).toBe("KMIP_NAME_NOT_UNIQUE_ERR");
  for (const fields of [
    { name: "a b" },
    { name: first?.id },
    { profile: "other" },
    { description: "x".repeat(241) },
  ]) {
    expect(await code(first?.id, fields)).toBe("INVALID_FIELD_ERR");
  }
});

test("a certificate is in one adapter of the region only, and goes with it", async () => {
  const sandbox = await startSandbox();
  const kms = await kmsClient(sandbox);
  const crkId = sandbox.credentials().keyProtect.rootKeys[0]?.id;
  const { certPem: certificate } = await createSelfSigned({ commonName: "vcenter" });
  for (const name of ["a1", "a2"]) {
    await createAdapter(kms, crkId, { name });
  }

  const made = await createCertificate(kms, "a1", { certificate, name: "client" });
  const { id } = resourceSchema.parse(made.key());
  expect([made.status, made.key()]).toMatchObject([201, { name: "client" }]);
  expect(made.key()).not.toHaveProperty("certificate");
  expect((await kms("GET", "/kmip_adapters/a1/certificates")).keys()).toEqual(made.keys());
  expect((await kms("GET", `/kmip_adapters/a1/certificates/${id}`)).key()).toMatchObject({ certificate });
  expect((await createCertificate(kms, "a2", { certificate })).code()).toBe(
    "KMIP_CERTIFICATE_NOT_UNIQUE_ERR",
  );
  expect((await createCertificate(kms, "a1", { certificate: "PEM?" })).code()).toBe("INVALID_FIELD_ERR");
  expect((await createCertificate(kms, "none", { certificate })).status).toBe(404);

  expect((await kms("DELETE", "/kmip_adapters/a1")).status).toBe(204);
  expect((await createCertificate(kms, "a2", { certificate })).key().name).toMatch(/^kmip_cert_\w+$/);
  expect((await kms("DELETE", "/kmip_adapters/a2/certificates/none")).status).toBe(404);
});

test("they are for those who manage KMIP adapters, and not in HPCS", async () => {
  const sandbox = await startSandbox();
  const { viewerOnly, keyProtect } = sandbox.credentials();
  const viewer = await kmsClient(sandbox, { as: "viewerOnly" });
  const hpcs = await kmsClient(sandbox, { service: "hpcs" });

  expect((await viewer("GET", "/kmip_adapters")).status).toBe(401);
  await sandbox.control.setRoles({
    serviceId: viewerOnly.serviceId,
    instanceGuid: keyProtect.guid,
    roles: ["KmipAdapterManager"],
  });
  expect((await viewer("GET", "/kmip_adapters")).status).toBe(200);
  expect((await viewer("GET", "/keys")).status).toBe(401);
  expect((await hpcs("GET", "/kmip_adapters")).status).toBe(404);
});
