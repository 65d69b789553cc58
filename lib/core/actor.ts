/**
 * Who does something in the console or by the API, with what right. Every function of lib/core that acts for
 * somebody takes an actor first, checks the role and scopes every query by `accountId`.
 */
import { type Role, roleIncludes } from "@/lib/roles";
import { AppError } from "./errors";

export type { Role } from "@/lib/roles";

export type Actor = {
  readonly kind: "user" | "token" | "cli" | "system";
  /** User id, token id, or the name of the process. */
  readonly id: string;
  readonly name: string;
  readonly accountId: string;
  readonly role: Role;
  readonly remoteAddress: string | null;
  readonly userAgent: string | null;
  /** Id of the request; becomes the audit event's correlation id. */
  readonly requestId: string;
};

/** @throws AppError FORBIDDEN when the actor's role is too small */
export function requireRole(actor: Actor, needed: Role): void {
  if (!roleIncludes(actor.role, needed)) {
    throw new AppError("FORBIDDEN", `This needs the role ${needed}; yours is ${actor.role}.`);
  }
}
