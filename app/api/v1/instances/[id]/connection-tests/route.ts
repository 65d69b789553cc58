import { serializeConnectionReport } from "@/lib/api/instances/serializers";
import { runConnectionTest } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { countConnectionTest } from "@/lib/auth/rate-limits";
import { testConnection } from "@/lib/core/endpoints";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(runConnectionTest, async ({ actor, params }) => {
    await countConnectionTest(actor.accountId, params.id);

    return serializeConnectionReport(await testConnection(actor, params.id));
  }),
});
