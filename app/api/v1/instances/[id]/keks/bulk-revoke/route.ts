import { bulkRevokeKeks } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { bulkRevoke } from "@/lib/core/keks";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(bulkRevokeKeks, async ({ actor, params, body }) => {
    const { results } = await bulkRevoke(actor, params.id, body);

    return { results: results.map((result) => ({ ...result })) };
  }),
});
