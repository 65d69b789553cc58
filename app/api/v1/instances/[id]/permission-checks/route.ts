import { serializePermissionCheck } from "@/lib/api/instances/serializers";
import { listPermissionChecks, runPermissionCheck } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";
import { runPermissionCheck as check } from "@/lib/core/instances";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(listPermissionChecks, ({ actor, params, query }) =>
    read.permissionChecks.list(actor, params.id, query),
  ),
  POST: route(runPermissionCheck, async ({ actor, params }) =>
    serializePermissionCheck(await check(actor, params.id)),
  ),
});
