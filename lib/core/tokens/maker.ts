import type { Actor } from "../actor";
import type { Transaction } from "../transaction";

/**
 * The person behind what an actor makes: of a token the one who made that. Null for the command line and the processes.
 * What is made so is worth no more than its maker is now.
 */
export async function makerOf(tx: Transaction, actor: Actor): Promise<string | null> {
  if (actor.kind === "user") {
    return actor.id;
  }

  if (actor.kind !== "token") {
    return null;
  }

  const token = await tx.apiToken.findUniqueOrThrow({ where: { id: actor.id }, select: { makerId: true } });

  return token.makerId;
}

/** True when a maker is an administrator of the account now; what no person made needs none. */
export async function isMadeByAdministrator(
  tx: Transaction,
  accountId: string,
  makerId: string | null,
): Promise<boolean> {
  if (makerId === null) {
    return true;
  }

  const membership = await tx.membership.findFirst({
    where: { accountId, userId: makerId, role: "administrator", user: { disabledAt: null } },
    select: { userId: true },
  });

  return membership !== null;
}
