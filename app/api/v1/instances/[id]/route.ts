import { serializeInstance } from "@/lib/api/instances/serializers";
import { deleteInstance, getInstance, updateInstance } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";
import { updateInstance as change, deleteInstance as remove } from "@/lib/core/instances";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(getInstance, ({ actor, params }) => read.instances.get(actor, params.id)),
  PATCH: route(updateInstance, async ({ actor, params, body }) =>
    serializeInstance(await change(actor, params.id, body)),
  ),
  DELETE: route(deleteInstance, async ({ actor, params, body }) => {
    // While KEKs are still being destroyed the instance stays visible, as `removing`, until the worker is done.
    await remove(actor, params.id, body);

    return undefined;
  }),
});
