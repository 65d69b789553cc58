import { z } from "zod";
import { displayName, id, page, role, timestamp } from "../contract/common";

export const me = z
  .object({
    kind: z.enum(["user", "token"]),
    id: z.string(),
    name: z.string(),
    email: z.string().nullable(),
    account: z.object({ id, name: z.string() }),
    role,
  })
  .meta({ id: "Me" });

export const apiToken = z
  .object({
    id,
    name: z.string(),
    role,
    prefix: z.string(),
    createdBy: z.string(),
    createdAt: timestamp,
    expiresAt: timestamp.nullable(),
    lastUsedAt: timestamp.nullable(),
    revokedAt: timestamp.nullable(),
  })
  .meta({ id: "ApiToken" });

export const apiTokenPage = page(apiToken);
export const createApiTokenRequest = z
  .object({
    name: displayName,
    role,
    expiresInDays: z.int().min(1).max(3650).optional(),
    /** Instead of `expiresInDays`; in the future. */
    expiresAt: timestamp.optional(),
  })
  .refine(({ expiresInDays, expiresAt }) => expiresInDays === undefined || expiresAt === undefined, {
    path: ["expiresAt"],
    error: "and expiresInDays exclude each other",
  })
  .refine(({ expiresAt }) => expiresAt === undefined || Date.parse(expiresAt) > Date.now(), {
    path: ["expiresAt"],
    error: "is in the past",
  });
/** The one answer that ever holds the token. */
export const createApiTokenResponse = apiToken.extend({ token: z.string() });

export const member = z
  .object({
    userId: id,
    email: z.string(),
    name: z.string(),
    role,
    disabled: z.boolean(),
    lastSignInAt: timestamp.nullable(),
    createdAt: timestamp,
  })
  .meta({ id: "Member" });

export const memberPage = page(member);
export const createMemberRequest = z.object({
  email: z.email().max(200),
  name: displayName,
  role,
  /** The first password; leave out for people who only sign in by single sign-on. */
  password: z.string().min(12).max(200).optional(),
});
export const updateMemberRequest = z.object({ role });

export const endpointNode = z
  .object({
    id,
    zone: z.int(),
    host: z.string(),
    port: z.int(),
    /** The only instance that a dedicated listener serves; null for those that all others share. */
    instanceId: id.nullable(),
    instanceName: z.string().nullable(),
    version: z.string(),
    health: z.enum(["up", "down"]),
    startedAt: timestamp,
    heartbeatAt: timestamp,
    connections: z.int(),
    requests: z.int(),
    failedHandshakes: z.array(
      z.object({
        at: timestamp,
        remoteAddress: z.string(),
        certificateSha256: z.string().nullable(),
        subject: z.string().nullable(),
        reason: z.string(),
        detail: z.string(),
      }),
    ),
  })
  .meta({ id: "EndpointNode" });

export const endpointPage = page(endpointNode);

export type Me = z.output<typeof me>;
export type ApiToken = z.output<typeof apiToken>;
export type Member = z.output<typeof member>;
export type EndpointNode = z.output<typeof endpointNode>;
export type Role = z.output<typeof role>;
