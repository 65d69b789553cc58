/**
 * Who does something in the console or by the API, with what right. Every function of lib/core that acts for
 * somebody takes an actor first, checks the role and scopes every query by `accountId`.
 */
import { AppError } from "./errors";

export type Role = "viewer" | "auditor" | "operator" | "administrator";

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

const INCLUDES: Record<Role, readonly Role[]> = {
  viewer: ["viewer"],
  auditor: ["viewer", "auditor"],
  operator: ["viewer", "operator"],
  administrator: ["viewer", "auditor", "operator", "administrator"],
};

/** True when `role` may do what `needed` may (administrator ⊃ operator ⊃ viewer; auditor = viewer + export). */
export function roleIncludes(role: Role, needed: Role): boolean {
  return INCLUDES[role].includes(needed);
}

/** @throws AppError FORBIDDEN when the actor's role is too small */
export function requireRole(actor: Actor, needed: Role): void {
  if (!roleIncludes(actor.role, needed)) {
    throw new AppError("FORBIDDEN", `This needs the role ${needed}; yours is ${actor.role}.`);
  }
}
