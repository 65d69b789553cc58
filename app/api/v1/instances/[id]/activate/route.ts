import { serializeInstance } from "@/lib/api/instances/serializers";
import { activateInstance } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { activateInstance as activate } from "@/lib/core/instances";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(activateInstance, async ({ actor, params, body }) =>
    serializeInstance(await activate(actor, params.id, body)),
  ),
});
