import { randomBytes, randomUUID } from "node:crypto";

import { z } from "zod";

import { HOUR, SECOND, toStoredDate, toWireDate } from "../clock";
import type { SandboxResponse } from "../http/types";
import type { KeyRecord } from "../store/model";
import { put, remove } from "../store/store";
import { requireFreeAliases } from "./aliases";
import {
  booleanQuery,
  checkFields,
  collection,
  type KmsCall,
  mediaTypes,
  noContent,
  pageQuery,
  preference,
  requireAction,
  requiredJson,
  requiredResources,
  requireKey,
} from "./call";
import { invalidField, kmsError } from "./errors";
import { policyDefaults, requireCreateAccess } from "./instance-policies";
import { bringsMaterial, importedMaterial, importFields } from "./key-import";
import { sealVersion, withMaterial } from "./key-material";
import { dualAuthDeleteSchema, rotationSchema, withPolicyDates, withRotation } from "./key-policies";
import { deletionAuthorizedUntil, keyView, latestVersion, PURGE_WAIT, RESTORE_WINDOW } from "./key-view";
import { registrationsOf } from "./registrations";
import { DEFAULT_RING, requireRing } from "./rings";

const NOT_CREATED = "Key could not be created";
/** How long after a deletion a restore is refused, unless waits are relaxed. */
const RESTORE_WAIT = 30 * SECOND;

const createSchema = z.object({
  type: z.literal(mediaTypes.key),
  name: z.string().min(2).max(90),
  description: z.string().min(2).max(240).optional(),
  aliases: z.array(z.string()).optional(),
  tags: z.array(z.string()).optional(),
  extractable: z.boolean(),
  expirationDate: z.iso.datetime({ offset: true }).optional(),
  ...importFields,
});

const overridesSchema = createSchema.extend({
  rotation: rotationSchema.optional(),
  dualAuthDelete: dualAuthDeleteSchema.optional(),
});

type NewKey = z.infer<typeof overridesSchema>;

function newKeyRecord(call: KmsCall, input: NewKey): KeyRecord {
  const { context, instance, caller } = call;
  const keyRingId = call.keyRing ?? DEFAULT_RING;
  const imported = bringsMaterial(input, NOT_CREATED);
  requireRing(context, instance.guid, keyRingId);
  requireCreateAccess(context, instance.guid, {
    extractable: input.extractable,
    imported,
    withToken: input.encryptionAlgorithm !== undefined,
  });
  const aliases = input.aliases ?? [];
  requireFreeAliases(context.store, instance.guid, aliases, 0);
  const expires = input.expirationDate === undefined ? undefined : Date.parse(input.expirationDate);
  if (expires !== undefined && expires <= context.clock.now()) {
    throw invalidField("expirationDate", "The expiration date must lie in the future.", NOT_CREATED);
  }

  const id = randomUUID();
  const now = toStoredDate(context.clock.now());
  const defaults = policyDefaults(context, instance.guid);
  const material = imported ? importedMaterial(call, input, input.extractable, NOT_CREATED) : randomBytes(32);
  // The first version has the identifier of the key, as in IBM's examples.
  const version = sealVersion(
    context.vault,
    { instanceId: instance.guid, id },
    { id, createdAt: now },
    material,
  );
  const bitLength = material.length * 8;
  material.fill(0);

  return {
    id,
    instanceId: instance.guid,
    name: input.name,
    ...(input.description === undefined ? {} : { description: input.description }),
    tags: input.tags ?? [],
    aliases: aliases.map((alias) => ({ alias, createdAt: now, createdBy: caller.iamId })),
    extractable: input.extractable,
    imported,
    state: 1,
    keyRingId,
    bitLength,
    ...(expires === undefined ? {} : { expiresAt: toStoredDate(expires) }),
    createdAt: now,
    createdBy: caller.iamId,
    updatedAt: now,
    versions: [version],
    dualAuthDelete: { enabled: defaults.dualAuthDelete },
    ...(!input.extractable && defaults.rotationMonths !== undefined
      ? { rotation: { enabled: true, intervalMonths: defaults.rotationMonths } }
      : {}),
  };
}

/** The key in an answer: with the payload of a standard key if that is wanted and the key is not destroyed. */
function keyWithPayload(call: KmsCall, key: KeyRecord): Record<string, unknown> {
  const view = keyView(call.instance, key, call.context.clock.now());
  if (!key.extractable || key.state === 5) {
    return view;
  }

  return withMaterial(call.context.vault, key, [latestVersion(key)], ([material]) => ({
    ...view,
    payload: material?.bytes.toString("base64"),
  }));
}

function create(call: KmsCall, schema: typeof createSchema | typeof overridesSchema): SandboxResponse {
  const resources = requiredResources(call, NOT_CREATED);
  if (resources.length !== 1) {
    throw kmsError("BAD_BODY_ERR", {
      what: NOT_CREATED,
      message: "The body must have exactly one resource.",
    });
  }
  const input: NewKey = checkFields(schema, resources[0], NOT_CREATED);
  let key = newKeyRecord(call, input);
  if (input.rotation) {
    key = withRotation(key, input.rotation, NOT_CREATED);
    key = withPolicyDates(key, "rotation", call.caller.iamId, key.createdAt);
  }
  if (input.dualAuthDelete) {
    key = { ...key, dualAuthDelete: input.dualAuthDelete };
    key = withPolicyDates(key, "dualAuthDelete", call.caller.iamId, key.createdAt);
  }
  call.context.store.commit(put("key", key.id, key));

  return collection(201, mediaTypes.key, [
    preference(call) === "representation"
      ? keyWithPayload(call, key)
      : keyView(call.instance, key, call.context.clock.now()),
  ]);
}

/** `POST /keys`: makes a key, or imports one that brings its payload. */
export function createKey(call: KmsCall): SandboxResponse {
  requireAction(call, "secrets.create", call.keyRing ?? DEFAULT_RING);

  return create(call, createSchema);
}

/** `POST /keys_with_policy_overrides`: like `POST /keys`, with the key's own policies. */
export function createKeyWithPolicies(call: KmsCall): SandboxResponse {
  requireAction(call, "secrets.create", call.keyRing ?? DEFAULT_RING);
  requireAction(call, "policies.write", call.keyRing ?? DEFAULT_RING);

  return create(call, overridesSchema);
}

/** `GET /keys/{id}`: the key, with its payload if it is a standard key. */
export function getKey(call: KmsCall): SandboxResponse {
  return collection(200, mediaTypes.key, [keyWithPayload(call, requireKey(call, "secrets.read"))]);
}

/** `GET /keys/{id}/metadata`: the key, never its payload. */
export function getKeyMetadata(call: KmsCall): SandboxResponse {
  const key = requireKey(call, "secrets-metadata.read");

  return collection(200, mediaTypes.key, [keyView(call.instance, key, call.context.clock.now())]);
}

const patchSchema = z.strictObject({ keyRingID: z.string() });

/** `PATCH /keys/{id}`: moves the key to another ring. */
export function patchKey(call: KmsCall): SandboxResponse {
  const key = requireKey(call, "secrets.patch");
  const { keyRingID } = checkFields(patchSchema, requiredJson(call), "Key could not be changed");
  if (key.state === 5) {
    throw kmsError("KEY_DELETED_ERR");
  }
  requireRing(call.context, call.instance.guid, keyRingID);
  const now = call.context.clock.now();
  const changed = { ...key, keyRingId: keyRingID, updatedAt: toStoredDate(now) };
  call.context.store.commit(put("key", key.id, changed));

  return collection(200, mediaTypes.key, [keyView(call.instance, changed, now)]);
}

/**
 * `DELETE /keys/{id}?force=`: destroys a key; for 30 days it can be restored. 409 while it protects resources
 * (PROTECTED_RESOURCE_ERR, which force overrides; PREV_KEY_DEL_ERR, which it does not) and while a dual
 * authorization is incomplete.
 */
export function deleteKey(call: KmsCall): SandboxResponse {
  const what = "Key could not be deleted";
  const key = requireKey(call, "secrets.delete");
  const force = booleanQuery(call, "force") ?? false;
  const now = call.context.clock.now();
  if (key.state === 5) {
    throw kmsError("KEY_DELETED_ERR", { what });
  }
  const registrations = registrationsOf(call.context, key);
  if (registrations.some((registration) => registration.preventKeyDeletion)) {
    throw kmsError("PREV_KEY_DEL_ERR", { what });
  }
  if (registrations.length > 0 && !force) {
    throw kmsError("PROTECTED_RESOURCE_ERR", { what });
  }
  if (key.dualAuthDelete.enabled) {
    const authorized = deletionAuthorizedUntil(key, now) !== undefined;
    if (!authorized || key.dualAuthDelete.setBy === call.caller.iamId) {
      throw kmsError("AUTHORIZATIONS_NOT_MET", { what });
    }
  }
  const changed: KeyRecord = {
    ...key,
    state: 5,
    updatedAt: toStoredDate(now),
    deletedAt: toStoredDate(now),
    deletedBy: call.caller.iamId,
    dualAuthDelete: { enabled: key.dualAuthDelete.enabled },
  };
  call.context.store.commit(put("key", key.id, changed));

  return preference(call) === "representation"
    ? collection(200, mediaTypes.key, [keyView(call.instance, changed, now)])
    : noContent;
}

/** `POST /keys/{id}/restore`: undoes a deletion, 30 s to 30 days after it. */
export function restoreKey(call: KmsCall): SandboxResponse {
  const what = "Key could not be restored";
  const key = requireKey(call, "secrets.restore");
  const { clock, relaxedWaits, store } = call.context;
  const now = clock.now();
  if (key.state !== 5 || key.deletedAt === undefined) {
    throw kmsError("KEY_ACTION_INVALID_STATE_ERR", { what });
  }
  const age = now - Date.parse(key.deletedAt);
  if (age > RESTORE_WINDOW) {
    throw kmsError("KEY_RESTORE_EXPIRED", { what });
  }
  if (!relaxedWaits && age < RESTORE_WAIT) {
    throw kmsError("REQ_TOO_EARLY_ERR", { what });
  }
  const { deletedAt: _deletedAt, deletedBy: _deletedBy, ...rest } = key;
  const changed: KeyRecord = { ...rest, state: 1, updatedAt: toStoredDate(now) };
  store.commit(put("key", key.id, changed));

  return collection(201, mediaTypes.key, [keyView(call.instance, changed, now)]);
}

/** `DELETE /keys/{id}/purge`: removes a destroyed key for good, four hours after its deletion. */
export function purgeKey(call: KmsCall): SandboxResponse {
  const what = "Key could not be purged";
  const key = requireKey(call, "secrets.purge");
  const { clock, relaxedWaits, store } = call.context;
  const now = clock.now();
  if (key.state !== 5 || key.deletedAt === undefined) {
    throw kmsError("KEY_ACTION_INVALID_STATE_ERR", { what });
  }
  if (!relaxedWaits && now - Date.parse(key.deletedAt) < PURGE_WAIT) {
    throw kmsError("REQ_TOO_EARLY_ERR", { what });
  }
  store.commit(remove("key", key.id));

  return preference(call) === "representation"
    ? collection(200, mediaTypes.key, [keyView(call.instance, key, now)])
    : noContent;
}

/** `GET /keys/{id}/versions`: newest first. Those of a destroyed key only with `allKeyStates=true`. */
export function listKeyVersions(call: KmsCall): SandboxResponse {
  const key = requireKey(call, "secrets-key-versions.list");
  const allKeyStates = booleanQuery(call, "allKeyStates") ?? false;
  const { limit, offset } = pageQuery(call);
  const wantsTotal = booleanQuery(call, "totalCount") ?? false;
  if (key.state === 5 && !allKeyStates) {
    throw kmsError("KEY_DELETED_ERR");
  }
  const versions = key.versions.toReversed().map((version, index) => ({
    id: version.id,
    creationDate: toWireDate(version.createdAt),
    // Replaced versions are deactivated: they still unwrap.
    ...(allKeyStates ? { state: key.state === 5 ? 5 : index === 0 ? 1 : 3 } : {}),
  }));

  return collection(
    200,
    mediaTypes.keyVersion,
    versions.slice(offset, offset + limit),
    wantsTotal ? versions.length : undefined,
  );
}

/** `POST /keys/{id}/actions/sync`: tells the services that the key protects; once an hour. */
export function syncKey(call: KmsCall): SandboxResponse {
  const key = requireKey(call, "secrets.sync");
  const { clock, relaxedWaits, store } = call.context;
  const now = clock.now();
  if (key.extractable) {
    throw kmsError("KEY_ROOT_REQ_ERR");
  }
  if (!relaxedWaits && key.syncedAt !== undefined && now - Date.parse(key.syncedAt) < HOUR) {
    throw kmsError("REQ_TOO_EARLY_ERR");
  }
  store.commit(put("key", key.id, { ...key, syncedAt: toStoredDate(now) }));

  return noContent;
}
