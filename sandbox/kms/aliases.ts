import { toStoredDate, toWireDate } from "../clock";
import type { SandboxResponse } from "../http/types";
import type { SandboxStore } from "../store/store";
import { put } from "../store/store";
import { collection, type KmsCall, mediaTypes, noContent, requireKey } from "./call";
import { invalidField, kmsError } from "./errors";

const MAX_PER_KEY = 5;
const MAX_PER_INSTANCE = 1000;
/** The form of an identifier; no name may have it. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Words that stand in paths of the API. */
const RESERVED = new Set(
  "allowed_ip key keys metadata policy policies registration registrations ring rings rotate wrap unwrap rewrap version versions".split(
    " ",
  ),
);

/**
 * Refuses aliases of a wrong form, that are taken, or that are too many for the key or the instance.
 *
 * @param present how many aliases the key has already
 */
export function requireFreeAliases(
  store: SandboxStore,
  instanceId: string,
  aliases: readonly string[],
  present: number,
): void {
  for (const alias of aliases) {
    if (!/^[A-Za-z0-9_-]{2,90}$/.test(alias) || UUID.test(alias) || RESERVED.has(alias)) {
      throw invalidField(
        "aliases",
        "An alias has 2 to 90 letters, digits, - or _, is no UUID and no reserved word.",
      );
    }
    if (store.keyIdOfAlias(instanceId, alias) !== undefined) {
      throw kmsError("KEY_ALIAS_NOT_UNIQUE_ERR");
    }
  }
  if (new Set(aliases).size !== aliases.length) {
    throw invalidField("aliases", "An alias is given twice.");
  }
  if (
    aliases.length + present > MAX_PER_KEY ||
    store.aliasCount(instanceId) + aliases.length > MAX_PER_INSTANCE
  ) {
    throw kmsError("LIMIT_EXCEEDED_ERR", {
      message: `A key has at most ${MAX_PER_KEY} aliases, an instance ${MAX_PER_INSTANCE}.`,
    });
  }
}

/** `POST /keys/{id}/aliases/{alias}`. */
export function createAlias(call: KmsCall): SandboxResponse {
  const key = requireKey(call, "secrets-alias.create");
  const { store, clock } = call.context;
  const name = call.parameters.alias ?? "";
  if (key.state === 5) {
    throw kmsError("KEY_DELETED_ERR");
  }
  requireFreeAliases(store, call.instance.guid, [name], key.aliases.length);
  const now = toStoredDate(clock.now());
  const alias = { alias: name, createdAt: now, createdBy: call.caller.iamId };
  store.commit(put("key", key.id, { ...key, aliases: [...key.aliases, alias], updatedAt: now }));

  return collection(201, mediaTypes.alias, [
    { keyId: key.id, alias: name, createdBy: alias.createdBy, creationDate: toWireDate(now) },
  ]);
}

/** `DELETE /keys/{id}/aliases/{alias}`. */
export function deleteAlias(call: KmsCall): SandboxResponse {
  const key = requireKey(call, "secrets-alias.delete");
  const name = call.parameters.alias ?? "";
  const aliases = key.aliases.filter(({ alias }) => alias !== name);
  if (aliases.length === key.aliases.length) {
    throw kmsError("ALIAS_NOT_FOUND_ERR");
  }
  call.context.store.commit(
    put("key", key.id, { ...key, aliases, updatedAt: toStoredDate(call.context.clock.now()) }),
  );

  return noContent;
}
