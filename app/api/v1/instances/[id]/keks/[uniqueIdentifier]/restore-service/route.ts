import { restoreKekService } from "@/lib/api/operations";
import { serializeKekDetail } from "@/lib/api/serializers/keks";
import { methods, route } from "@/lib/api/wrapper";
import { restoreService } from "@/lib/core/keks";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(restoreKekService, async ({ actor, params }) =>
    serializeKekDetail(await restoreService(actor, params.id, params.uniqueIdentifier, {})),
  ),
});
