import type { Handlers } from "../contract/handler";
import type * as operations from "./operations";

export const handlers: Handlers<typeof operations> = {
  getMe: ({ authenticated: { actor, accountName, displayName, email } }) => ({
    kind: actor.kind === "token" ? "token" : "user",
    id: actor.id,
    name: displayName,
    email,
    account: { id: actor.accountId, name: accountName },
    role: actor.role,
  }),
};
