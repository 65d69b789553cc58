import { parseRevocation, serializeKekDetail } from "@/lib/api/keks/serializers";
import { revokeKek } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { revokeKek as revoke } from "@/lib/core/keks";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(revokeKek, async ({ actor, params, body }) =>
    serializeKekDetail(await revoke(actor, params.id, params.uniqueIdentifier, parseRevocation(body))),
  ),
});
