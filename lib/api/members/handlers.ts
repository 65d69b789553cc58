import { createMember, listMembers, removeMember, updateMember } from "@/lib/core/members";
import type { Handlers } from "../contract/handler";
import { invitationLink } from "../invitations/serializers";
import type * as operations from "./operations";

export const handlers: Handlers<typeof operations> = {
  listMembers: ({ actor, query }) => listMembers(actor, query),
  async createMember({ actor, body }) {
    const { token, ...member } = await createMember(actor, body);

    return { ...member, invitationLink: invitationLink(token) };
  },
  updateMember: ({ actor, params, body }) => updateMember(actor, params.userId, body),
  deleteMember: ({ actor, params }) => removeMember(actor, params.userId),
};
