import { methods } from "@/lib/api/contract/serve";
import { openApiResponse } from "@/lib/api/openapi";

/** The contract itself is no secret: tools fetch it before they have a token. */
export const { GET, POST, PUT, PATCH, DELETE } = methods({ GET: openApiResponse });
