import { openApiDocument } from "@/lib/api/openapi";
import { methods } from "@/lib/api/wrapper";

/** The contract itself is no secret: tools fetch it before they have a token. */
export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: async () => Response.json(openApiDocument(), { headers: { "cache-control": "no-cache" } }),
});
