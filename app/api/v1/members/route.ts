import { serializeMember } from "@/lib/api/account/serializers";
import { createMember, listMembers } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";
import { createMember as addMember } from "@/lib/core/members";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(listMembers, ({ actor, query }) => read.members.list(actor, query)),
  POST: route(createMember, async ({ actor, body }) => serializeMember(await addMember(actor, body))),
});
