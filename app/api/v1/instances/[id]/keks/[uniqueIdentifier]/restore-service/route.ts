import { serializeKekDetail } from "@/lib/api/keks/serializers";
import { restoreKekService } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { restoreService } from "@/lib/core/keks";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(restoreKekService, async ({ actor, params }) =>
    serializeKekDetail(await restoreService(actor, params.id, params.uniqueIdentifier, {})),
  ),
});
