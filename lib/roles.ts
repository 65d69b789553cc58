/** Roles of an account, the least first. */
export const ROLES = ["viewer", "auditor", "operator", "administrator"] as const;

export type Role = (typeof ROLES)[number];

const INCLUDES: Record<Role, readonly Role[]> = {
  viewer: ["viewer"],
  auditor: ["viewer", "auditor"],
  operator: ["viewer", "operator"],
  administrator: ["viewer", "auditor", "operator", "administrator"],
};

/**
 * True when `role` may do what `needed` may (administrator ⊃ operator ⊃ viewer; auditor = viewer + export). The
 * server enforces by it, and the console explains by it beforehand.
 */
export function roleIncludes(role: Role, needed: Role): boolean {
  return INCLUDES[role].includes(needed);
}

/** What both of two roles may do. */
export function lesserRole(one: Role, other: Role): Role {
  if (roleIncludes(one, other)) {
    return other;
  }

  return roleIncludes(other, one) ? one : "viewer";
}
