import { z } from "zod";
import { id, keyManagerKind, page, pageQuery, timestamp } from "../contract/common";

/** Shortest API key of a service ID that is worth sending; the PIN of a token may be shorter. */
export const MIN_API_KEY = 8;
export const MIN_PIN = 4;

/** An API key, or the PIN of a PKCS#11 token. Write only: it appears in requests and in no answer. */
export const apiKey = z.string().trim().min(MIN_PIN).max(512).meta({ format: "password", writeOnly: true });

/** Base URL in place of the one that IBM Cloud names for the key manager instance; with or without `/api/v2`. */
export const keyManagerEndpoint = z.string().trim().max(300).optional();

/** HPCS without an API key: the ordered KMIP instance that the HPCS instance authorizes. */
const authorizedInstance = id.optional();

export const keyManagerInstance = z
  .object({
    crn: z.string(),
    guid: z.string(),
    name: z.string(),
    region: z.string(),
    endpoints: z.object({ public: z.string().nullable(), private: z.string().nullable() }),
  })
  .meta({ id: "KeyManagerInstance" });

export const discoverRequest = z.object({
  kind: keyManagerKind,
  apiKey: apiKey.optional(),
  instanceId: authorizedInstance,
  region: z.string().max(40).optional(),
});

export const discoverResponse = z.object({
  /** Null when the API key is a person's. */
  serviceId: z.string().nullable(),
  serviceIdName: z.string().nullable(),
  keyManagers: z.array(keyManagerInstance),
  /** Commands that let HPCS instances authorize the instance; of no use where an API key was given. */
  authorizationCommands: z.array(z.string()),
  /** HPCS instances that are seen but cannot be used, and why. */
  notOffered: z.array(
    z.object({
      crn: z.string(),
      guid: z.string(),
      name: z.string(),
      reason: z.enum(["NO_ROOT_KEY", "FORBIDDEN", "UNAVAILABLE", "IN_USE", "NOT_AUTHORIZED"]),
    }),
  ),
});

export const rootKeysRequest = z.object({
  kind: keyManagerKind,
  apiKey: apiKey.optional(),
  instanceId: authorizedInstance,
  keyManagerCrn: z.string().min(1).max(400),
  endpoint: keyManagerEndpoint,
  keyRing: z.string().max(100).optional(),
  search: z.string().max(100).optional(),
  cursor: z.string().max(1024).optional(),
});

export const keyState = z.enum(["preActive", "active", "suspended", "deactivated", "destroyed"]);

export const rootKey = z
  .object({
    id: z.string(),
    name: z.string(),
    state: keyState,
    keyRing: z.string(),
    lastRotatedAt: timestamp.nullable(),
    versions: z.int().nullable(),
    algorithm: z.string(),
  })
  .meta({ id: "RootKey" });

export const rootKeysResponse = page(rootKey).extend({
  /** All key rings of the key manager instance, for the filter. */
  keyRings: z.array(z.string()),
});

export const rootKeysQuery = pageQuery.extend({
  keyRing: z.string().max(100).optional(),
  search: z.string().max(100).optional(),
});

export const validateRequest = z.object({
  kind: keyManagerKind,
  apiKey: apiKey.optional(),
  instanceId: authorizedInstance,
  keyManagerCrn: z.string().min(1).max(400),
  endpoint: keyManagerEndpoint,
  crkId: z.string().min(1).max(100),
});

export const permissionCheckItem = z
  .object({
    id: z.string(),
    title: z.string(),
    status: z.enum(["pass", "fail", "warn", "skipped"]),
    detail: z.string(),
    /** Stable code of the detail, for translation. */
    code: z.string().optional(),
    params: z.record(z.string(), z.string()).optional(),
    remedy: z.string().optional(),
    command: z.string().optional(),
    durationMs: z.number().nonnegative().optional(),
  })
  .meta({ id: "PermissionCheckItem" });

export const permissionReport = z
  .object({
    ok: z.boolean(),
    checkedAt: timestamp,
    serviceId: z.string().nullable(),
    checks: z.array(permissionCheckItem),
  })
  .meta({ id: "PermissionReport" });

export type KeyManagerInstance = z.output<typeof keyManagerInstance>;
export type RootKey = z.output<typeof rootKey>;
export type PermissionReport = z.output<typeof permissionReport>;
export type PermissionCheckItem = z.output<typeof permissionCheckItem>;
export type DiscoverResponse = z.output<typeof discoverResponse>;
export type RootKeysResponse = z.output<typeof rootKeysResponse>;
