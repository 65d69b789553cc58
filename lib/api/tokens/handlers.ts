import { createToken, listTokens, revokeToken } from "@/lib/core/tokens";
import type { Handlers } from "../contract/handler";
import { serializePage } from "../contract/page";
import type * as operations from "./operations";
import { serializeToken } from "./serializers";

export const handlers: Handlers<typeof operations> = {
  listTokens: async ({ actor, query }) => serializePage(await listTokens(actor, query), serializeToken),
  createToken: async ({ actor, body: { expiresAt, ...body } }) => {
    const { token, ...view } = await createToken(actor, {
      ...body,
      ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
    });

    return { ...serializeToken(view), token };
  },
  revokeToken: ({ actor, params }) => revokeToken(actor, params.tokenId),
};
