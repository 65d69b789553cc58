import { createMember, listMembers, removeMember, updateMember } from "@/lib/core/members";
import type { Handlers } from "../contract/handler";
import { serializePage } from "../contract/page";
import type * as operations from "./operations";
import { serializeMember } from "./serializers";

export const handlers: Handlers<typeof operations> = {
  listMembers: async ({ actor, query }) => serializePage(await listMembers(actor, query), serializeMember),
  createMember: async ({ actor, body }) => serializeMember(await createMember(actor, body)),
  updateMember: async ({ actor, params, body }) =>
    serializeMember(await updateMember(actor, params.userId, body)),
  deleteMember: ({ actor, params }) => removeMember(actor, params.userId),
};
