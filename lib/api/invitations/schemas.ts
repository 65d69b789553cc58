import { z } from "zod";
import { displayName, id, role, timestamp } from "../contract/common";

export const createInvitationRequest = z.object({
  email: z.email().max(200),
  role,
  /** Proposed to the person, who may choose another. */
  name: displayName.optional(),
});

/** The one answer that ever holds the link; nothing is sent by email. */
export const createInvitationResponse = z
  .object({
    id,
    email: z.string(),
    name: z.string().nullable(),
    role,
    createdAt: timestamp,
    expiresAt: timestamp,
    /** To give to the person. Null where the request is repeated with its Idempotency-Key. */
    link: z.string().nullable(),
    /** The last part of the link. */
    token: z.string().nullable(),
  })
  .meta({ id: "Invitation" });

/** Both of somebody new; nothing of somebody who is signed in. */
export const acceptInvitationRequest = z.object({
  name: displayName.optional(),
  password: z.string().max(1_024).optional(),
});

export const acceptInvitationResponse = z.object({
  account: z.object({ id, name: z.string() }),
  email: z.string(),
  role,
});
