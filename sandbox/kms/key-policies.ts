import { randomUUID } from "node:crypto";

import { z } from "zod";

import { toStoredDate, toWireDate } from "../clock";
import type { SandboxResponse } from "../http/types";
import type { KeyRecord } from "../store/model";
import { put } from "../store/store";
import { checkFields, collection, type KmsCall, mediaTypes, requiredResources, requireKey } from "./call";
import { kmsError } from "./errors";
import { keyView } from "./key-view";

const WHAT = "Key policy could not be set";

/** Rotation by the service. `interval_month` keeps its value when only `enabled` is given. */
export const rotationSchema = z.strictObject({
  enabled: z.boolean().default(true),
  interval_month: z.number().int().min(1).max(12).optional(),
});
export const dualAuthDeleteSchema = z.strictObject({ enabled: z.boolean() });

const policySchema = z
  .strictObject({
    type: z.literal(mediaTypes.policy).optional(),
    rotation: rotationSchema.optional(),
    dualAuthDelete: dualAuthDeleteSchema.optional(),
  })
  .refine((policy) => (policy.rotation === undefined) !== (policy.dualAuthDelete === undefined), {
    message: "A resource has either rotation or dualAuthDelete.",
  });

const policyNames = ["rotation", "dualAuthDelete"] as const;
type PolicyName = (typeof policyNames)[number];

function view(call: KmsCall, key: KeyRecord, name: PolicyName): Record<string, unknown> | undefined {
  const dates = key.policyDates?.[name];
  if (!dates) {
    return undefined;
  }
  const { crn } = keyView(call.instance, key, call.context.clock.now());
  const data =
    name === "rotation"
      ? { enabled: key.rotation?.enabled ?? false, interval_month: key.rotation?.intervalMonths }
      : { enabled: key.dualAuthDelete.enabled };

  return {
    type: mediaTypes.policy,
    id: dates.id,
    crn: String(crn).replace(/:key:.*$/, `:policy:${dates.id}`),
    [name]: data,
    createdBy: dates.createdBy,
    creationDate: toWireDate(dates.createdAt),
    updatedBy: dates.updatedBy,
    lastUpdateDate: toWireDate(dates.updatedAt),
  };
}

function wantedNames(call: KmsCall): readonly PolicyName[] {
  const text = call.request.query.get("policy");
  if (text === null) {
    return policyNames;
  }
  const name = policyNames.find((candidate) => candidate === text);
  if (!name) {
    throw kmsError("INVALID_QUERY_PARAM_ERR", { message: "`policy` is rotation or dualAuthDelete." });
  }

  return [name];
}

function respond(call: KmsCall, key: KeyRecord, names: readonly PolicyName[]): SandboxResponse {
  return collection(
    200,
    mediaTypes.policy,
    names.flatMap((name) => view(call, key, name) ?? []),
  );
}

/** `GET /keys/{id}/policies[?policy=]`: the policies that were set. Only a Manager may read them. */
export function getKeyPolicies(call: KmsCall): SandboxResponse {
  const key = requireKey(call, "policies.read");

  return respond(call, key, wantedNames(call));
}

/** The key with a rotation policy; KEY_ROOT_REQ_ERR for a standard key. */
export function withRotation(
  key: KeyRecord,
  rotation: z.infer<typeof rotationSchema>,
  what: string,
): KeyRecord {
  if (key.extractable) {
    throw kmsError("KEY_ROOT_REQ_ERR", { what });
  }
  const intervalMonths = rotation.interval_month ?? key.rotation?.intervalMonths;
  if (intervalMonths === undefined) {
    throw kmsError("INVALID_FIELD_ERR", {
      what,
      message: "The field `interval_month` is required.",
      target: { type: "field", name: "rotation.interval_month" },
    });
  }

  return { ...key, rotation: { enabled: rotation.enabled, intervalMonths } };
}

/** The key with the dates of a policy that is set now. */
export function withPolicyDates(key: KeyRecord, name: PolicyName, iamId: string, now: string): KeyRecord {
  const before = key.policyDates?.[name];
  const dates = {
    id: before?.id ?? randomUUID(),
    createdAt: before?.createdAt ?? now,
    createdBy: before?.createdBy ?? iamId,
    updatedAt: now,
    updatedBy: iamId,
  };

  return { ...key, policyDates: { ...key.policyDates, [name]: dates } };
}

/**
 * `PUT /keys/{id}/policies[?policy=]`. For what comes of a rotation policy see `keepUp`.
 */
export function putKeyPolicies(call: KmsCall): SandboxResponse {
  const key = requireKey(call, "policies.write");
  if (key.state === 5) {
    throw kmsError("KEY_DELETED_ERR", { what: WHAT });
  }
  const names = wantedNames(call);
  const resources = requiredResources(call, WHAT);
  if (call.request.query.has("policy") && resources.length !== 1) {
    throw kmsError("NUM_COLLECTION_RESOURCE_ERR", { what: WHAT });
  }
  const now = toStoredDate(call.context.clock.now());
  let changed: KeyRecord = { ...key, updatedAt: now };
  for (const resource of resources) {
    const policy = checkFields(policySchema, resource, WHAT);
    const name: PolicyName = policy.rotation ? "rotation" : "dualAuthDelete";
    if (!names.includes(name)) {
      throw kmsError("BODY_QUERY_PARAM_MISMATCH_ERR", { what: WHAT });
    }
    if (policy.rotation) {
      changed = withRotation(changed, policy.rotation, WHAT);
    }
    if (policy.dualAuthDelete) {
      changed = { ...changed, dualAuthDelete: policy.dualAuthDelete };
    }
    changed = withPolicyDates(changed, name, call.caller.iamId, now);
  }
  call.context.store.commit(put("key", key.id, changed));

  return respond(call, changed, names);
}
