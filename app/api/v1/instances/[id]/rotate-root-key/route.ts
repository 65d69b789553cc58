import { serializeRewrapStatus } from "@/lib/api/instances/serializers";
import { rotateRootKey } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { rotateRootKey as rotate } from "@/lib/core/instances";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(rotateRootKey, async ({ actor, params }) =>
    serializeRewrapStatus(await rotate(actor, params.id)),
  ),
});
