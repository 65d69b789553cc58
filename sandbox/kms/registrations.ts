import { toWireDate } from "../clock";
import type { SandboxContext } from "../context";
import type { SandboxResponse } from "../http/types";
import type { KeyRecord, RegistrationRecord } from "../store/model";
import {
  booleanQuery,
  collection,
  type KmsCall,
  mediaTypes,
  pageQuery,
  requireAction,
  requireKey,
} from "./call";
import { kmsError } from "./errors";
import { latestVersion } from "./key-view";

/** The resources that a key protects. */
export function registrationsOf(context: SandboxContext, key: KeyRecord): RegistrationRecord[] {
  return context.store
    .list("registration")
    .filter((registration) => registration.instanceId === key.instanceId && registration.keyId === key.id);
}

function view(context: SandboxContext, registration: RegistrationRecord): Record<string, unknown> {
  const key = context.store.get("key", registration.keyId);
  const version = key ? latestVersion(key) : undefined;

  return {
    keyId: registration.keyId,
    keyName: key?.name ?? "",
    resourceCrn: registration.resourceCrn,
    createdBy: registration.createdBy,
    creationDate: toWireDate(registration.createdAt),
    updatedBy: registration.createdBy,
    lastUpdated: toWireDate(registration.createdAt),
    description: registration.description,
    preventKeyDeletion: registration.preventKeyDeletion,
    ...(version ? { keyVersion: { id: version.id, creationDate: toWireDate(version.createdAt) } } : {}),
  };
}

/** Whether a CRN fits a query in which a segment may be or end with `*`. */
function matchesCrn(query: string, crn: string): boolean {
  const wanted = query.split(":");
  const actual = crn.split(":");

  return (
    wanted.length === actual.length &&
    wanted.every((segment, index) =>
      segment.endsWith("*")
        ? (actual[index] ?? "").startsWith(segment.slice(0, -1))
        : segment === actual[index],
    )
  );
}

function page(call: KmsCall, registrations: readonly RegistrationRecord[]): SandboxResponse {
  const { limit, offset } = pageQuery(call);
  const crnQuery = call.request.query.get("urlEncodedResourceCRNQuery");
  const prevent = booleanQuery(call, "preventKeyDeletion");
  const found = registrations.filter(
    (registration) =>
      (crnQuery === null || matchesCrn(crnQuery, registration.resourceCrn)) &&
      (prevent === undefined || registration.preventKeyDeletion === prevent),
  );

  return collection(
    200,
    mediaTypes.registration,
    found.slice(offset, offset + limit).map((registration) => view(call.context, registration)),
    booleanQuery(call, "totalCount") ? found.length : undefined,
  );
}

/** `GET /keys/{id}/registrations`. */
export function listKeyRegistrations(call: KmsCall): SandboxResponse {
  return page(call, registrationsOf(call.context, requireKey(call, "registrations.list")));
}

/** `GET /keys/registrations`. */
export function listRegistrations(call: KmsCall): SandboxResponse {
  requireAction(call, "registrations.list");
  const all = call.context.store
    .list("registration")
    .filter((registration) => registration.instanceId === call.instance.guid);

  return page(call, all);
}

/** `POST /keys/{id}/registrations/{crn}`: for services of the cloud only, which no caller of the sandbox is. */
export function refuseRegistration(call: KmsCall): SandboxResponse {
  requireKey(call, "registrations.list");
  throw kmsError("SERVICE_ONLY_ERR", { what: "Registration could not be created" });
}
