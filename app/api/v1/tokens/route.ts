import { serializeToken } from "@/lib/api/account/serializers";
import { createToken, listTokens } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";
import { createToken as makeToken } from "@/lib/core/tokens";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(listTokens, ({ actor, query }) => read.tokens.list(actor, query)),
  POST: route(createToken, async ({ actor, body: { expiresAt, ...body } }) => {
    const { token, ...view } = await makeToken(actor, {
      ...body,
      ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
    });

    return { ...serializeToken(view), token };
  }),
});
