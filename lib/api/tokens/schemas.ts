import { z } from "zod";
import { displayName, id, page, role, timestamp } from "../contract/common";

const apiToken = z
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
/** The one answer that ever holds the token; null where the request is repeated with its Idempotency-Key. */
export const createApiTokenResponse = apiToken.extend({ token: z.string().nullable() });

export type ApiToken = z.output<typeof apiToken>;
