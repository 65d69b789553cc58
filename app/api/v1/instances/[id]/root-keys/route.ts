import { listInstanceRootKeys } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { listInstanceRootKeys as list } from "@/lib/core/key-managers";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(listInstanceRootKeys, ({ actor, params, query }) => list(actor, params.id, query)),
});
