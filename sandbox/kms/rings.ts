import { toStoredDate, toWireDate } from "../clock";
import type { SandboxContext } from "../context";
import type { SandboxResponse } from "../http/types";
import { mayAct } from "../iam/authorization";
import type { KmsAction } from "../iam/roles";
import { type KeyRecord, type KeyRingRecord, scopedId } from "../store/model";
import { put, remove } from "../store/store";
import { booleanQuery, collection, type KmsCall, mediaTypes, noContent, requireAction } from "./call";
import { invalidField, kmsError, unauthorized } from "./errors";

/** The ring that every instance has, and that a key is in unless another is named. */
export const DEFAULT_RING = "default";
const MAX_RINGS = 50;

/** The key rings of an instance, oldest first. */
function ringsOf(context: SandboxContext, instanceId: string): KeyRingRecord[] {
  return context.store.list("key-ring").filter((ring) => ring.instanceId === instanceId);
}

/** Refuses (404) a ring that the instance does not have. */
export function requireRing(context: SandboxContext, instanceId: string, ringId: string): void {
  if (!context.store.get("key-ring", scopedId(instanceId, ringId))) {
    throw kmsError("KEY_RING_NOT_FOUND_ERR");
  }
}

/**
 * The rings whose keys the caller may list or count: all for access to the instance, else those that a policy
 * names. 401 if there is none.
 */
export function accessibleRings(call: KmsCall, action: KmsAction): Set<string> {
  const { context, caller, instance, keyRing } = call;
  const rings = ringsOf(context, instance.guid)
    .map((ring) => ring.id)
    .filter((ring) => keyRing === undefined || ring === keyRing)
    .filter((ring) => mayAct(context.store, caller, action, { instance, keyRing: ring }));
  // Access to the instance as a whole holds for a ring that does not exist as well: its list is empty.
  if (rings.length === 0 && !mayAct(context.store, caller, action, { instance })) {
    throw unauthorized();
  }

  return new Set(rings);
}

/** `GET /key_rings`. */
export function listKeyRings(call: KmsCall): SandboxResponse {
  requireAction(call, "key-rings.list");
  const rings = ringsOf(call.context, call.instance.guid).map((ring) => ({
    id: ring.id,
    creationDate: toWireDate(ring.createdAt),
    createdBy: ring.createdBy,
  }));

  return collection(200, mediaTypes.keyRing, rings);
}

/** `POST /key_rings/{id}`. */
export function createKeyRing(call: KmsCall): SandboxResponse {
  requireAction(call, "key-rings.create");
  const { context, instance, caller } = call;
  const id = call.parameters.id ?? "";
  if (!/^[A-Za-z0-9-]{2,100}$/.test(id)) {
    throw invalidField(
      "id",
      "A key ring ID has 2 to 100 letters, digits or -.",
      "Key ring could not be created",
    );
  }
  const recordId = scopedId(instance.guid, id);
  if (context.store.get("key-ring", recordId)) {
    throw kmsError("KEY_RING_ALREADY_EXISTS_ERR");
  }
  if (ringsOf(context, instance.guid).length >= MAX_RINGS) {
    throw kmsError("LIMIT_EXCEEDED_ERR", { message: `An instance has at most ${MAX_RINGS} key rings.` });
  }
  context.store.commit(
    put("key-ring", recordId, {
      id,
      instanceId: instance.guid,
      createdAt: toStoredDate(context.clock.now()),
      createdBy: caller.iamId,
    }),
  );

  return { status: 201 };
}

/**
 * `DELETE /key_rings/{id}?force=`: an empty ring; with force also one whose keys are all deleted, which go to the
 * default ring.
 */
export function deleteKeyRing(call: KmsCall): SandboxResponse {
  requireAction(call, "key-rings.delete");
  const { context, instance } = call;
  const id = call.parameters.id ?? "";
  const force = booleanQuery(call, "force") ?? false;
  requireRing(context, instance.guid, id);
  if (id === DEFAULT_RING) {
    throw invalidField("id", "The default key ring cannot be deleted.");
  }
  const keys: KeyRecord[] = [...context.store.keysOf(instance.guid).values()].filter(
    (key) => key.keyRingId === id,
  );
  if (keys.length > 0 && !(force && keys.every((key) => key.state === 5))) {
    throw kmsError("KEY_RING_NOT_EMPTY_ERR", { what: "Key ring could not be deleted" });
  }
  context.store.commit(
    ...keys.map((key) => put("key", key.id, { ...key, keyRingId: DEFAULT_RING })),
    remove("key-ring", scopedId(instance.guid, id)),
  );

  return noContent;
}
