import { revokeToken } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { revokeToken as revoke } from "@/lib/core/tokens";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  DELETE: route(revokeToken, async ({ actor, params }) => {
    await revoke(actor, params.tokenId);

    return undefined;
  }),
});
