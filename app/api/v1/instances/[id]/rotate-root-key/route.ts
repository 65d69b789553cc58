import { rotateRootKey } from "@/lib/api/operations";
import { serializeRewrapStatus } from "@/lib/api/serializers/instances";
import { methods, route } from "@/lib/api/wrapper";
import { rotateRootKey as rotate } from "@/lib/core/instances";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(rotateRootKey, async ({ actor, params }) =>
    serializeRewrapStatus(await rotate(actor, params.id)),
  ),
});
