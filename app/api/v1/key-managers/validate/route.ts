import { validateKeyManager } from "@/lib/api/operations";
import { describeReport } from "@/lib/api/texts/checks";
import { methods, route } from "@/lib/api/wrapper";
import { validateKeyManager as validate } from "@/lib/core/permissions/validate-key-manager";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(validateKeyManager, async ({ actor, body }) => describeReport(await validate(actor, body))),
});
