import { AppError } from "@/lib/core/errors";
import { acceptAsNewPerson, acceptInvitation, createInvitation } from "@/lib/core/members";
import type { Handlers } from "../contract/handler";
import type * as operations from "./operations";
import { invitationLink } from "./serializers";

function missing(name: string): AppError {
  return new AppError(
    "VALIDATION_FAILED",
    "Sign in to accept this invitation, or give a name and a password.",
    {
      invalidParams: [{ name, code: "required", reason: "is needed" }],
    },
  );
}

export const handlers: Handlers<typeof operations> = {
  async createInvitation({ actor, body }) {
    const invitation = await createInvitation(actor, body);

    return { ...invitation, link: invitationLink(invitation.token) };
  },
  async acceptInvitation({ facts, session, params: { token }, body: { name, password } }) {
    if (session === null && (name === undefined || password === undefined)) {
      throw missing(name === undefined ? "name" : "password");
    }

    const accepted =
      session === null
        ? await acceptAsNewPerson(token, { name: name ?? "", password: password ?? "" }, facts)
        : await acceptInvitation(token, session, facts);

    return {
      account: { id: accepted.accountId, name: accepted.accountName },
      email: accepted.email,
      role: accepted.role,
    };
  },
};
