import { createToken, listTokens, revokeToken } from "@/lib/core/tokens";
import { dateOf, type Handlers } from "../contract/handler";
import type * as operations from "./operations";

export const handlers: Handlers<typeof operations> = {
  listTokens: ({ actor, query }) => listTokens(actor, query),
  createToken: ({ actor, body }) => createToken(actor, { ...body, expiresAt: dateOf(body.expiresAt) }),
  revokeToken: ({ actor, params }) => revokeToken(actor, params.tokenId),
};
