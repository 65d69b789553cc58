import { serializeMember } from "@/lib/api/account/serializers";
import { deleteMember, updateMember } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { updateMember as changeMember, removeMember } from "@/lib/core/members";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  PATCH: route(updateMember, async ({ actor, params, body }) =>
    serializeMember(await changeMember(actor, params.userId, body)),
  ),
  DELETE: route(deleteMember, async ({ actor, params }) => {
    await removeMember(actor, params.userId);

    return undefined;
  }),
});
