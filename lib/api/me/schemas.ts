import { z } from "zod";
import { id, page, role, timestamp } from "../contract/common";

const account = z.object({ id, name: z.string() });

export const me = z
  .object({
    kind: z.enum(["user", "token"]),
    id: z.string(),
    name: z.string(),
    email: z.string().nullable(),
    account,
    role,
    /** The accounts that this person may work in; of a token its own. */
    accounts: z.array(account.extend({ role })),
    /** True for somebody who has to choose a password of their own before they may do anything else. */
    passwordChangeRequired: z.boolean(),
  })
  .meta({ id: "Me" });

export const updateMeRequest = z.object({
  /** The account to work in from now on. */
  accountId: id,
});

export const changePasswordRequest = z.object({
  currentPassword: z.string().min(1).max(1_024),
  newPassword: z.string().min(12).max(200),
});

const session = z
  .object({
    id,
    /** How the person proved who they are. */
    method: z.string(),
    address: z.string().nullable(),
    agent: z.string().nullable(),
    createdAt: timestamp,
    lastSeenAt: timestamp,
    expiresAt: timestamp,
    /** True for the one that asks. */
    current: z.boolean(),
  })
  .meta({ id: "Session" });

export const sessionPage = page(session);

export type Me = z.output<typeof me>;
export type PersonSession = z.output<typeof session>;
