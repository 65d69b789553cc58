import { randomBytes, randomUUID, X509Certificate } from "node:crypto";

import { z } from "zod";

import { toStoredDate, toWireDate } from "../clock";
import { ResponseError, type SandboxResponse } from "../http/types";
import type { KmsAction } from "../iam/roles";
import type { KeyRecord, KmipAdapterRecord, KmipCertificateRecord } from "../store/model";
import { put, remove } from "../store/store";
import { UUID } from "./aliases";
import {
  booleanQuery,
  checkFields,
  collection,
  type KmsCall,
  mediaTypes,
  noContent,
  pageQuery,
  requireAction,
  requiredResources,
} from "./call";
import { invalidField, kmsError, kmsTrouble } from "./errors";
import { stateAt } from "./key-view";

const ADAPTER_NOT_CREATED = "KMIP adapter could not be created";
const CERTIFICATE_NOT_CREATED = "KMIP client certificate could not be created";
const MAX_ADAPTERS = 200;
const MAX_CERTIFICATES = 200;

const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{2,40}$/, "A name has 2 to 40 letters, digits, - or _.")
  .refine((name) => !UUID.test(name), "A name is no UUID.");
const adapterSchema = z.object({
  profile: z.literal("native_1.0"),
  profile_data: z.object({ crk_id: z.string().min(1) }),
  name: nameSchema.optional(),
  description: z.string().max(240).optional(),
});
const certificateSchema = z.object({ certificate: z.string().min(1), name: nameSchema.optional() });

/** Refuses whoever may not do this. HPCS has no such adapters: there the path does not exist. */
function requireKmip(call: KmsCall, action: KmsAction): void {
  if (call.instance.serviceName !== "kms") {
    throw new ResponseError("not-found", kmsTrouble("not-found"));
  }
  requireAction(call, action);
}

function adaptersOf(call: KmsCall): KmipAdapterRecord[] {
  return call.context.store
    .list("kmip-adapter")
    .filter((adapter) => adapter.instanceId === call.instance.guid);
}

/** The adapter that the path names by identifier or name. */
function requireAdapter(call: KmsCall): KmipAdapterRecord {
  const wanted = call.parameters.adapter ?? "";
  const adapter = adaptersOf(call).find(({ id, name }) => id === wanted || name === wanted);
  if (!adapter) {
    throw kmsError("KMIP_ADAPTER_NOT_FOUND_ERR");
  }

  return adapter;
}

function certificatesOf(call: KmsCall, adapter: KmipAdapterRecord): KmipCertificateRecord[] {
  return call.context.store
    .list("kmip-certificate")
    .filter((certificate) => certificate.adapterId === adapter.id);
}

function requireCertificate(call: KmsCall): KmipCertificateRecord {
  const wanted = call.parameters.certificate ?? "";
  const found = certificatesOf(call, requireAdapter(call)).find(
    ({ id, name }) => id === wanted || name === wanted,
  );
  if (!found) {
    throw kmsError("KMIP_CERTIFICATE_NOT_FOUND_ERR");
  }

  return found;
}

function page<T>(
  call: KmsCall,
  type: string,
  records: readonly T[],
  view: (record: T) => unknown,
): SandboxResponse {
  const { limit, offset } = pageQuery(call);

  return collection(
    200,
    type,
    records.slice(offset, offset + limit).map(view),
    booleanQuery(call, "totalCount") ? records.length : undefined,
  );
}

function oneResource(call: KmsCall, what: string): unknown {
  const resources = requiredResources(call, what);
  if (resources.length !== 1) {
    throw kmsError("NUM_COLLECTION_RESOURCE_ERR", { what });
  }

  return resources[0];
}

function adapterView(adapter: KmipAdapterRecord): Record<string, unknown> {
  return {
    id: adapter.id,
    profile: "native_1.0",
    profile_data: { crk_id: adapter.crkId },
    name: adapter.name,
    description: adapter.description,
    created_by: adapter.createdBy,
    created_at: toWireDate(adapter.createdAt),
    updated_by: adapter.createdBy,
    updated_at: toWireDate(adapter.createdAt),
  };
}

function certificateView(certificate: KmipCertificateRecord): Record<string, unknown> {
  return {
    id: certificate.id,
    name: certificate.name,
    created_by: certificate.createdBy,
    created_at: toWireDate(certificate.createdAt),
  };
}

/** An active root key of the instance, by identifier or alias. */
function requireRootKey(call: KmsCall, idOrAlias: string): KeyRecord {
  const { store, clock } = call.context;
  const keys = store.keysOf(call.instance.guid);
  const key = keys.get(idOrAlias) ?? keys.get(store.keyIdOfAlias(call.instance.guid, idOrAlias) ?? "");
  const what = ADAPTER_NOT_CREATED;
  if (!key) {
    throw kmsError("KEY_NOT_FOUND_ERR", { what });
  }
  if (key.extractable) {
    throw kmsError("KEY_ROOT_REQ_ERR", { what });
  }
  if (stateAt(key, clock.now()) !== 1) {
    throw kmsError("KEY_ACTION_INVALID_STATE_ERR", { what });
  }

  return key;
}

function randomName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString("hex")}`;
}

/** `GET /kmip_adapters[?crk_id=]`. */
export function listKmipAdapters(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.list");
  const crkId = call.request.query.get("crk_id");
  const adapters = adaptersOf(call).filter((adapter) => crkId === null || adapter.crkId === crkId);

  return page(call, mediaTypes.kmipAdapter, adapters, adapterView);
}

/** `POST /kmip_adapters`. */
export function createKmipAdapter(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.create");
  const what = ADAPTER_NOT_CREATED;
  const input = checkFields(adapterSchema, oneResource(call, what), what);
  const present = adaptersOf(call);
  const name = input.name ?? randomName("kmip_adapter");
  if (present.some((adapter) => adapter.name === name)) {
    throw kmsError("KMIP_NAME_NOT_UNIQUE_ERR", { what });
  }
  if (present.length >= MAX_ADAPTERS) {
    throw kmsError("LIMIT_EXCEEDED_ERR", {
      what,
      message: `An instance has at most ${MAX_ADAPTERS} adapters.`,
    });
  }
  const adapter: KmipAdapterRecord = {
    id: randomUUID(),
    instanceId: call.instance.guid,
    name,
    description: input.description ?? "",
    crkId: requireRootKey(call, input.profile_data.crk_id).id,
    createdAt: toStoredDate(call.context.clock.now()),
    createdBy: call.caller.iamId,
  };
  call.context.store.commit(put("kmip-adapter", adapter.id, adapter));

  return collection(201, mediaTypes.kmipAdapter, [adapterView(adapter)]);
}

/** `GET /kmip_adapters/{idOrName}`. */
export function getKmipAdapter(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.read");

  return collection(200, mediaTypes.kmipAdapter, [adapterView(requireAdapter(call))]);
}

/** `DELETE /kmip_adapters/{idOrName}`, with its certificates. It never has objects here. */
export function deleteKmipAdapter(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.delete");
  const adapter = requireAdapter(call);
  call.context.store.commit(
    ...certificatesOf(call, adapter).map(({ id }) => remove("kmip-certificate", id)),
    remove("kmip-adapter", adapter.id),
  );

  return noContent;
}

/** `GET /kmip_adapters/{adapter}/certificates`. */
export function listKmipCertificates(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.list");

  return page(call, mediaTypes.kmipCertificate, certificatesOf(call, requireAdapter(call)), certificateView);
}

function parseCertificate(pem: string): X509Certificate {
  try {
    if (pem.trimStart().startsWith("-----BEGIN CERTIFICATE-----")) {
      return new X509Certificate(pem);
    }
  } catch {
    // Refused below, as what is no PEM at all.
  }
  throw invalidField(
    "certificate",
    "The certificate must be an X.509 certificate in PEM.",
    CERTIFICATE_NOT_CREATED,
  );
}

/** `POST /kmip_adapters/{adapter}/certificates`: a certificate selects its adapter, and so is unique in a region. */
export function createKmipCertificate(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.create");
  const what = CERTIFICATE_NOT_CREATED;
  const { store, clock } = call.context;
  const adapter = requireAdapter(call);
  const input = checkFields(certificateSchema, oneResource(call, what), what);
  const fingerprint = parseCertificate(input.certificate).fingerprint256.replaceAll(":", "").toLowerCase();
  const present = certificatesOf(call, adapter);
  const name = input.name ?? randomName("kmip_cert");
  if (present.some((certificate) => certificate.name === name)) {
    throw kmsError("KMIP_NAME_NOT_UNIQUE_ERR", { what });
  }
  const inRegion = store
    .list("kmip-certificate")
    .filter(({ instanceId }) => store.get("resource-instance", instanceId)?.region === call.instance.region);
  if (inRegion.some((certificate) => certificate.fingerprint === fingerprint)) {
    throw kmsError("KMIP_CERTIFICATE_NOT_UNIQUE_ERR", { what });
  }
  if (present.length >= MAX_CERTIFICATES) {
    throw kmsError("LIMIT_EXCEEDED_ERR", {
      what,
      message: `An adapter has at most ${MAX_CERTIFICATES} certificates.`,
    });
  }
  const certificate: KmipCertificateRecord = {
    id: randomUUID(),
    instanceId: call.instance.guid,
    adapterId: adapter.id,
    name,
    pem: input.certificate,
    fingerprint,
    createdAt: toStoredDate(clock.now()),
    createdBy: call.caller.iamId,
  };
  store.commit(put("kmip-certificate", certificate.id, certificate));

  return collection(201, mediaTypes.kmipCertificate, [certificateView(certificate)]);
}

/** `GET /kmip_adapters/{adapter}/certificates/{idOrName}`: the only answer with the certificate itself. */
export function getKmipCertificate(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.read");
  const certificate = requireCertificate(call);

  return collection(200, mediaTypes.kmipCertificate, [
    { ...certificateView(certificate), certificate: certificate.pem },
  ]);
}

/** `DELETE /kmip_adapters/{adapter}/certificates/{idOrName}`. */
export function deleteKmipCertificate(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.delete");
  call.context.store.commit(remove("kmip-certificate", requireCertificate(call).id));

  return noContent;
}

/** `GET /kmip_adapters/{adapter}/kmip_objects`: none, since objects are made by KMIP only, which is not served. */
export function listKmipObjects(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.list");
  requireAdapter(call);

  return page(call, mediaTypes.kmipObject, [], () => ({}));
}

/** `GET /kmip_adapters/{adapter}/kmip_objects/{id}`. */
export function getKmipObject(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.read");
  requireAdapter(call);
  throw kmsError("KMIP_OBJECT_NOT_FOUND_ERR");
}

/** `DELETE /kmip_adapters/{adapter}/kmip_objects/{id}`. */
export function deleteKmipObject(call: KmsCall): SandboxResponse {
  requireKmip(call, "kmip-management.delete");
  requireAdapter(call);
  throw kmsError("KMIP_OBJECT_NOT_FOUND_ERR");
}
