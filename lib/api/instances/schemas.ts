import { z } from "zod";
import { createCertificateRequest } from "../client-certificates/schemas";
import { displayName, id, keyManagerKind, page, pageQuery, timestamp } from "../contract/common";
import {
  apiKey,
  keyManagerEndpoint,
  keyState,
  permissionCheckItem,
  permissionReport,
} from "../key-managers/schemas";

export const instanceStatus = z.enum([
  "installing",
  "inactive",
  "configuring",
  "installed",
  "attention",
  "removing",
]);

export const cachePolicy = z.object({
  cacheTtlSeconds: z.int().min(0).max(86_400),
  outageGraceSeconds: z.int().min(0).max(604_800),
});

/**
 * What becomes of a client whose pinned certificate has expired: `warn` lets it in for ever, `grace` for `graceDays`
 * after its end, or after its pinning where it had expired before.
 */
export const expiredCertificates = z.object({
  rule: z.enum(["warn", "grace"]),
  graceDays: z.int().min(0).max(3_650),
});

export const region = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .regex(/^[a-z0-9][a-z0-9-]*$/, "is lower-case letters, digits and hyphens");

const keyManagerSelection = z.object({
  kind: keyManagerKind,
  apiKey: apiKey.optional(),
  crn: z.string().min(1).max(400),
  endpoint: keyManagerEndpoint,
  keyRing: z.string().max(100).optional(),
  crkId: z.string().min(1).max(100),
});

export const createInstanceRequest = z.object({
  name: displayName,
  region,
  resourceGroup: z.string().trim().max(80).optional(),
  keyManager: keyManagerSelection.optional(),
  clientCertificates: z.array(createCertificateRequest).max(50).optional(),
  cachePolicy: cachePolicy.partial().optional(),
  activateOnCreate: z.boolean().optional(),
  expiredCertificates: expiredCertificates.partial().optional(),
});

export const activateInstanceRequest = z.object({
  keyManager: keyManagerSelection,
  clientCertificates: z.array(createCertificateRequest).max(50).optional(),
});

export const updateInstanceRequest = z
  .object({
    name: displayName.optional(),
    apiKey: apiKey.optional(),
    cachePolicy: cachePolicy.partial().optional(),
    activateOnCreate: z.boolean().optional(),
    serveCompromised: z.boolean().optional(),
    expiredCertificates: expiredCertificates.partial().optional(),
    crkId: z.string().min(1).max(100).optional(),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), "changes nothing");

export const deleteInstanceRequest = z.object({
  confirmName: z.string(),
  force: z.boolean().default(false),
  destroyKeks: z.boolean().default(false),
});

const endpointCertificate = z.object({
  pem: z.string(),
  sha256: z.string(),
  sha1: z.string(),
  notAfter: timestamp,
});

const instanceEndpoint = z.object({
  zone: z.int(),
  host: z.string(),
  port: z.int(),
  /** True for an endpoint that serves this instance alone (HPCS). */
  dedicated: z.boolean(),
  /** Why nobody listens there now; null when that is not known to be so. */
  problem: z.enum(["PORT_IN_USE", "NOT_LISTENING"]).nullable(),
  /** What vCenter and its hosts see. */
  serverCertificate: endpointCertificate,
  /** The same, and what clients see that can use RSA only. */
  serverCertificates: z.array(endpointCertificate.extend({ keyType: z.enum(["ec", "rsa"]) })),
});

export const instance = z
  .object({
    id,
    name: z.string(),
    region: z.string(),
    resourceGroup: z.string().nullable(),
    status: instanceStatus,
    statusReason: z.string().nullable(),
    endpoints: z.array(instanceEndpoint),
    keyManager: z
      .object({
        kind: keyManagerKind,
        crn: z.string(),
        guid: z.string().nullable(),
        name: z.string().nullable(),
        endpoint: z.string().nullable(),
        /** The endpoint was given by a person, in place of the one that IBM Cloud names. */
        endpointGiven: z.boolean(),
        keyRing: z.string().nullable(),
        serviceId: z.string().nullable(),
        serviceIdName: z.string().nullable(),
      })
      .nullable(),
    crk: z
      .object({
        id: z.string(),
        name: z.string().nullable(),
        state: keyState.nullable(),
        currentVersion: z.string().nullable(),
        seenAt: timestamp.nullable(),
      })
      .nullable(),
    /** `keks`: those that are not destroyed, whatever their KMIP state. */
    counts: z.object({ keks: z.int(), activeKeks: z.int(), clientCertificates: z.int() }),
    cachePolicy,
    activateOnCreate: z.boolean(),
    serveCompromised: z.boolean(),
    expiredCertificates,
    lastCheck: z.object({ ok: z.boolean(), checkedAt: timestamp }).nullable(),
    lastKmipAt: timestamp.nullable(),
    createdAt: timestamp,
    createdBy: z.string(),
    updatedAt: timestamp,
    /** Of a deleted instance; until `purgeAt` it can be restored. */
    deletion: z.object({ deletedAt: timestamp, deletedBy: z.string(), purgeAt: timestamp }).nullable(),
  })
  .meta({ id: "Instance" });

export const instancePage = page(instance);
export const instanceQuery = pageQuery.extend({
  search: z.string().max(80).optional(),
  status: instanceStatus.optional(),
  deleted: z
    .enum(["true", "false"])
    .optional()
    .meta({ description: "true: deleted instances that can be restored, instead of the others" }),
});

export const restoreInstanceRequest = z.object({
  /** Another name, where its own is taken meanwhile. */
  name: displayName.optional(),
  /** Restores it without the certificates that another instance has pinned meanwhile. */
  withoutCertificatesInUse: z.boolean().default(false),
});

const inUseReason = z.discriminatedUnion("code", [
  z.object({ code: z.literal("KEKS_NOT_DESTROYED"), count: z.int(), detail: z.string() }),
  z.object({
    code: z.literal("CLIENTS_CONNECTED"),
    count: z.int(),
    detail: z.string(),
    clients: z.array(z.object({ id, name: z.string(), lastSeenAt: timestamp })),
  }),
]);

export const instanceImpact = z
  .object({
    /** True where DELETE is refused without `force`. */
    inUse: z.boolean(),
    reasons: z.array(inUseReason),
    /** KEKs that are not destroyed, by serving state. */
    keks: z.object({
      total: z.int(),
      /** Served or made in the last 90 days. */
      served: z.int(),
      /** Neither for 90 days. */
      unused: z.int(),
      blocked: z.int(),
      /** False in a large instance: the three are of a part of its KEKs. */
      complete: z.boolean(),
    }),
    lastServedAt: timestamp.nullable(),
    lastServedTo: z.object({ id, name: z.string().nullable(), address: z.string().nullable() }).nullable(),
    /** Whom KEKs are for by their `x-Name`, those served last first. */
    users: z.array(
      z.object({ name: z.string(), component: z.string().nullable(), lastServedAt: timestamp.nullable() }),
    ),
  })
  .meta({ id: "InstanceImpact" });

export const permissionCheck = permissionReport
  .extend({ id, trigger: z.string() })
  .meta({ id: "PermissionCheck" });
export const permissionCheckPage = page(permissionCheck);

const endpointConnection = z
  .object({
    zone: z.int(),
    host: z.string(),
    port: z.int(),
    ok: z.boolean(),
    /** In the form of the permission report's. */
    checks: z.array(permissionCheckItem),
    /** `TLSv1.3`, `TLSv1.2`; null when TLS did not come to stand. */
    tlsProtocol: z.string().nullable(),
    cipher: z.string().nullable(),
    /** Of the certificate that the endpoint showed. */
    serverCertificateSha256: z.string().nullable(),
    /** Most preferred first; empty when Discover Versions was not answered. */
    kmipVersions: z.array(z.string()),
    milliseconds: z.number().nonnegative(),
  })
  .meta({ id: "EndpointConnection" });

export const connectionReport = z
  .object({ ok: z.boolean(), checkedAt: timestamp, endpoints: z.array(endpointConnection) })
  .meta({ id: "ConnectionReport" });

export const rewrapStatus = z
  .object({
    /** `blocked`: KEKs have to move and cannot; `error` says why. */
    state: z.enum(["idle", "running", "blocked"]),
    crkId: z.string().nullable(),
    /** Latest version as last seen. */
    crkVersion: z.string().nullable(),
    /** KEKs that the instance keeps. */
    total: z.int(),
    /** KEKs that are not on the root key's latest version yet. */
    remaining: z.int(),
    versions: z.array(
      z.object({
        crkId: z.string(),
        crkVersion: z.string().nullable(),
        keks: z.int(),
        /** True for what all are to be on. */
        current: z.boolean(),
      }),
    ),
    error: z.object({ code: z.string(), since: timestamp }).nullable(),
  })
  .meta({ id: "RewrapStatus" });

export type RewrapStatus = z.output<typeof rewrapStatus>;
export type InstanceImpact = z.output<typeof instanceImpact>;
export type Instance = z.output<typeof instance>;
export type InstanceStatus = z.output<typeof instanceStatus>;
export type CreateInstanceRequest = z.input<typeof createInstanceRequest>;
export type PermissionCheck = z.output<typeof permissionCheck>;
export type ConnectionReport = z.output<typeof connectionReport>;
export type EndpointConnection = z.output<typeof endpointConnection>;
