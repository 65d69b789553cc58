import { serializeKekDetail } from "@/lib/api/keks/serializers";
import { destroyKek } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { destroyKek as destroy } from "@/lib/core/keks";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(destroyKek, async ({ actor, params, body }) =>
    serializeKekDetail(await destroy(actor, params.id, params.uniqueIdentifier, body)),
  ),
});
