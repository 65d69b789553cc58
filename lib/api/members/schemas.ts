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
    /** True while an invitation waits for its acceptance: no access yet. `userId` is then the invitation's own. */
    pending: z.boolean(),
    invitationExpiresAt: timestamp.nullable(),
  })
  .meta({ id: "Member" });

export const memberPage = page(member);
export const createMemberRequest = z.object({
  email: z.email().max(200),
  name: displayName,
  role,
  /** The first password, to be changed at the first sign-in; leave out for people who only sign in by single sign-on. */
  password: z.string().min(12).max(200).optional(),
});
/** For somebody who is signed in elsewhere, or whose first password is not to be used. */
export const createMemberResponse = member.extend({ invitationLink: z.string().nullable() });
export const updateMemberRequest = z.object({ role });

export type Member = z.output<typeof member>;
