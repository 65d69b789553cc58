import { verifyAuditEvents } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { verifyAudit } from "@/lib/core/audit";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(verifyAuditEvents, async ({ actor, signal }) => {
    const { heads, ...result } = await verifyAudit(actor, signal);

    return { ...result, heads: heads.map((head) => ({ ...head })) };
  }),
});
