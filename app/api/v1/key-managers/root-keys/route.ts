import { listRootKeys } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { listRootKeys as list } from "@/lib/core/key-managers/list-root-keys";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(listRootKeys, ({ actor, body }) => list(actor, body)),
});
