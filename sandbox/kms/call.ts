import { z } from "zod";

import type { SandboxContext } from "../context";
import type { PathParameters } from "../http/router";
import { headerOf, type SandboxRequest, type SandboxResponse } from "../http/types";
import { mayAct } from "../iam/authorization";
import type { Caller } from "../iam/caller";
import type { KmsAction } from "../iam/roles";
import type { KeyRecord, ResourceInstanceRecord } from "../store/model";
import { kmsError, unauthorized } from "./errors";

/** A request to a key manager instance by a known caller. What it may do is not decided yet. */
export interface KmsCall {
  context: SandboxContext;
  request: SandboxRequest;
  caller: Caller;
  instance: ResourceInstanceRecord;
  parameters: PathParameters;
  /** The `X-Kms-Key-Ring` header: the ring to create in, or the only one to look in. */
  keyRing: string | undefined;
}

/** Refuses (401) unless the caller may do this on the instance as a whole. */
export function requireAction(call: KmsCall, action: KmsAction, keyRing?: string): void {
  const { context, caller, instance } = call;
  if (!mayAct(context.store, caller, action, { instance, keyRing })) {
    throw unauthorized();
  }
}

/**
 * The key that the path names by identifier or alias, if the caller may do this to it: 401 if not, 404 if there
 * is no such key in the instance, or not in the ring that the request names.
 */
export function requireKey(call: KmsCall, action: KmsAction): KeyRecord {
  const { caller, instance } = call;
  const { store } = call.context;
  const { guid } = instance;
  const idOrAlias = call.parameters.id ?? "";
  const keys = store.keysOf(guid);
  const found = keys.get(idOrAlias.toLowerCase()) ?? keys.get(store.keyIdOfAlias(guid, idOrAlias) ?? "");
  const key = call.keyRing === undefined || found?.keyRingId === call.keyRing ? found : undefined;
  if (!key) {
    requireAction(call, action, call.keyRing);
    throw kmsError("KEY_NOT_FOUND_ERR", { what: "Key could not be found" });
  }
  if (!mayAct(store, caller, action, { instance, keyRing: key.keyRingId, keyId: key.id })) {
    throw unauthorized();
  }

  return key;
}

/** The body as JSON; undefined if there is none. BAD_BODY_ERR if it is not JSON. */
export function optionalJson(call: KmsCall): unknown {
  const text = call.request.body.toString("utf8");
  if (text.trim() === "") {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw kmsError("BAD_BODY_ERR", { message: "The body is not valid JSON." });
  }
}

/** The body as JSON; NO_BODY_ERR if there is none. */
export function requiredJson(call: KmsCall): unknown {
  const value = optionalJson(call);
  if (value === undefined) {
    throw kmsError("NO_BODY_ERR");
  }

  return value;
}

const envelopeSchema = z.object({
  metadata: z.object({ collectionType: z.string(), collectionTotal: z.number().int() }),
  resources: z.array(z.unknown()).min(1),
});

/**
 * The resources of a request's envelope. BAD_BODY_ERR without a whole envelope, COLLECTION_TOTAL_MISMATCH_ERR if
 * its total is another than the number of resources.
 */
export function requiredResources(call: KmsCall, what: string): unknown[] {
  const parsed = envelopeSchema.safeParse(requiredJson(call));
  if (!parsed.success) {
    throw kmsError("BAD_BODY_ERR", {
      what,
      message: "The body must have metadata (collectionType, collectionTotal) and resources.",
    });
  }
  const { metadata, resources } = parsed.data;
  if (metadata.collectionTotal !== resources.length) {
    throw kmsError("COLLECTION_TOTAL_MISMATCH_ERR", { what });
  }

  return resources;
}

/**
 * Checks a value from a request. Extra fields are BAD_BODY_ERR, a field of the wrong form is INVALID_FIELD_ERR
 * with the field as its target.
 */
export function checkFields<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    return parsed.data;
  }
  const issue = parsed.error.issues[0];
  const name = issue?.path.join(".") ?? "";
  if (!issue || issue.code === "unrecognized_keys" || name === "") {
    throw kmsError("BAD_BODY_ERR", { what, message: issue?.message ?? "The body is not valid." });
  }
  throw kmsError("INVALID_FIELD_ERR", {
    what,
    message: `The field \`${name}\` is not valid: ${issue.message}`,
    target: { type: "field", name },
  });
}

/** A whole number of the query within bounds, or what stands for none. INVALID_QUERY_PARAM_ERR otherwise. */
function integerQuery(
  call: KmsCall,
  name: string,
  { fallback, minimum, maximum }: { fallback: number; minimum: number; maximum: number },
): number {
  const text = call.request.query.get(name);
  if (text === null || text === "") {
    return fallback;
  }
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
    throw kmsError("INVALID_QUERY_PARAM_ERR", {
      message: `\`${name}\` must be a number from ${minimum} to ${maximum}.`,
    });
  }

  return value;
}

/** The page that `limit` and `offset` ask for. INVALID_QUERY_PARAM_ERR if they are no numbers within bounds. */
export function pageQuery(
  call: KmsCall,
  { fallback = 200, maximum = 5000 }: { fallback?: number; maximum?: number } = {},
): { limit: number; offset: number } {
  return {
    limit: integerQuery(call, "limit", { fallback, minimum: 1, maximum }),
    offset: integerQuery(call, "offset", { fallback: 0, minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  };
}

/** `true` or `false` of the query. INVALID_QUERY_PARAM_ERR otherwise. */
export function booleanQuery(call: KmsCall, name: string): boolean | undefined {
  const text = call.request.query.get(name);
  if (text === null || text === "") {
    return undefined;
  }
  if (text !== "true" && text !== "false") {
    throw kmsError("INVALID_QUERY_PARAM_ERR", { message: `\`${name}\` must be true or false.` });
  }

  return text === "true";
}

/** What a `Prefer` header asks for: the resource in the answer, as little as possible, or nothing said. */
export function preference(call: KmsCall): "representation" | "minimal" | undefined {
  const value = headerOf(call.request, "prefer")?.toLowerCase().replaceAll(" ", "");
  if (value === "return=representation") {
    return "representation";
  }
  return value === "return=minimal" ? "minimal" : undefined;
}

/** Types of resources, as `collectionType` and `type` say them. */
export const mediaTypes = {
  key: "application/vnd.ibm.kms.key+json",
  keyVersion: "application/vnd.ibm.kms.key.version+json",
  keyRing: "application/vnd.ibm.kms.key_ring+json",
  alias: "application/vnd.ibm.kms.alias+json",
  policy: "application/vnd.ibm.kms.policy+json",
  registration: "application/vnd.ibm.kms.registration+json",
  kmipAdapter: "application/vnd.ibm.kms.kmip_adapter+json",
  kmipCertificate: "application/vnd.ibm.kms.kmip_client_certificate+json",
  kmipObject: "application/vnd.ibm.kms.kmip_object+json",
  allowedIpPort: "application/vnd.ibm.kms.allowed_ip_metadata+json",
} as const;

/**
 * An answer with resources. `collectionTotal` counts those of this answer; an empty list has no `resources` at
 * all, as the real service is known to answer.
 */
export function collection(
  status: number,
  collectionType: string,
  resources: readonly unknown[],
  totalCount?: number,
): SandboxResponse {
  return {
    status,
    body: {
      metadata: {
        collectionType,
        collectionTotal: resources.length,
        ...(totalCount === undefined ? {} : { totalCount }),
      },
      ...(resources.length === 0 ? {} : { resources }),
    },
  };
}

export const noContent: SandboxResponse = { status: 204 };
