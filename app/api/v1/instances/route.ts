import { serializeInstance } from "@/lib/api/instances/serializers";
import { createInstance, listInstances } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";
import { createInstance as order } from "@/lib/core/instances";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(listInstances, ({ actor, query }) => read.instances.list(actor, query)),
  POST: route(createInstance, async ({ actor, body }) => serializeInstance(await order(actor, body))),
});
