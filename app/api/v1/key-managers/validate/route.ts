import { validateKeyManager } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { validateKeyManager as validate } from "@/lib/core/permissions/validate-key-manager";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(validateKeyManager, ({ actor, body }) => validate(actor, body)),
});
