import { createMember, listMembers, removeMember, updateMember } from "@/lib/core/members";
import type { Handlers } from "../contract/handler";
import type * as operations from "./operations";

export const handlers: Handlers<typeof operations> = {
  listMembers: ({ actor, query }) => listMembers(actor, query),
  createMember: ({ actor, body }) => createMember(actor, body),
  updateMember: ({ actor, params, body }) => updateMember(actor, params.userId, body),
  deleteMember: ({ actor, params }) => removeMember(actor, params.userId),
};
