import { z } from "zod";
import { displayName, id, page, role, timestamp } from "../contract/common";

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

export type Member = z.output<typeof member>;
