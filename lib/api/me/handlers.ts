import type { Authenticated } from "@/lib/auth";
import { countSignIn, forgiveSignIn } from "@/lib/auth/rate-limits";
import { AppError } from "@/lib/core/errors";
import {
  changePassword,
  chooseAccount,
  endOtherSessions,
  endSession,
  listAccounts,
  listSessions,
} from "@/lib/core/users";
import type { Handlers } from "../contract/handler";
import { serializePage } from "../contract/page";
import type * as operations from "./operations";

async function whoAmI({ actor, accountName, displayName, email, session }: Authenticated) {
  const account = { id: actor.accountId, name: accountName };
  const { role } = actor;

  return {
    kind: actor.kind === "token" ? ("token" as const) : ("user" as const),
    id: actor.id,
    name: displayName,
    email,
    account,
    role,
    accounts: session === null ? [{ ...account, role }] : await listAccounts(session),
    passwordChangeRequired: session?.passwordGiven ?? false,
  };
}

export const handlers: Handlers<typeof operations> = {
  getMe: ({ authenticated }) => whoAmI(authenticated),
  async updateMe({ actor, authenticated, body: { accountId } }) {
    if (authenticated.session === null) {
      throw new AppError("FORBIDDEN", "An API token works in its own account only.");
    }

    const { id, name, role } = await chooseAccount(actor, authenticated.session, accountId);

    return whoAmI({ ...authenticated, actor: { ...actor, accountId: id, role }, accountName: name });
  },
  async changePassword({ actor, authenticated, body }) {
    // Guesses of the present one count as those at the sign-in do.
    await countSignIn(actor.remoteAddress, actor.name);
    await changePassword(actor, { ...body, sessionId: authenticated.session?.id ?? null });
    await forgiveSignIn(actor.remoteAddress, actor.name);
  },
  async listSessions({ actor, authenticated, query }) {
    const page = await listSessions(actor, query);

    return serializePage(page, (row) => ({ ...row, current: row.id === authenticated.session?.id }));
  },
  deleteOtherSessions: ({ actor, authenticated }) =>
    endOtherSessions(actor, authenticated.session?.id ?? null),
  deleteSession: ({ actor, params }) => endSession(actor, params.sessionId),
};
