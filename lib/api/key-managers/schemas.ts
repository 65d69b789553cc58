import { z } from "zod";
import { id, keyManagerKind, page, pageQuery, timestamp } from "../contract/common";

/** The shortest secret that any kind takes; each kind says its own in `GET /key-managers`. */
const MIN_SECRET = 4;

/** An API key, or the PIN of a PKCS#11 token. Write only: it appears in requests and in no answer. */
export const apiKey = z
  .string()
  .trim()
  .min(MIN_SECRET)
  .max(512)
  .meta({ format: "password", writeOnly: true });

/**
 * Base URL in place of the one that IBM Cloud names for the key manager instance; with or without `/api/v2`. Only with an
 * `apiKey`, whose token is sent there; addresses of the console's own machine only where OUTBOUND_ALLOW names them.
 */
export const keyManagerEndpoint = z.string().trim().max(300).optional();

/** HPCS without an API key: the ordered KMIP instance that the HPCS instance authorizes. */
const authorizedInstance = id.optional();

/** A field of what a person enters a key manager with. */
const credentialField = z.object({
  /** Its name in requests. */
  name: z.literal("apiKey"),
  /** It is hidden while it is typed, and shown to nobody. */
  secret: z.boolean(),
  minLength: z.int(),
  maxLength: z.int(),
});

/** A kind of key manager: all that an order needs to know of it. */
const keyManagerProvider = z
  .object({
    kind: keyManagerKind,
    title: z.string(),
    credential: z.object({
      /** What it is: API key of a service ID, or PIN of a token. */
      type: z.enum(["apiKey", "pin"]),
      fields: z.array(credentialField),
      /** False where key manager instances are found without it. */
      toDiscover: z.boolean(),
    }),
    /** True where the key manager can authorize the instance in the place of a credential. */
    authorization: z.boolean(),
    /** An instance has endpoints of its own. */
    dedicatedEndpoint: z.boolean(),
    /** A key manager instance has one KMIP instance only. */
    oneInstanceEach: z.boolean(),
    /** What there is to choose beside the key manager instance and the root key. */
    choices: z.object({ keyRing: z.boolean(), endpoint: z.boolean(), region: z.boolean() }),
    /** When its maker ends it, and the kind that follows. */
    deprecation: z.object({ endsAt: timestamp, successor: z.string().nullable() }).nullable(),
    /** Why this deployment cannot use it; null where it can. */
    unavailable: z.object({ code: z.string(), detail: z.string() }).nullable(),
  })
  .meta({ id: "KeyManagerProvider" });

export const keyManagerProviderPage = page(keyManagerProvider);

const keyManagerInstance = z
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

const rootKey = z
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

export type KeyManagerProvider = z.output<typeof keyManagerProvider>;
export type RootKey = z.output<typeof rootKey>;
export type PermissionReport = z.output<typeof permissionReport>;
export type PermissionCheckItem = z.output<typeof permissionCheckItem>;
export type DiscoverResponse = z.output<typeof discoverResponse>;
