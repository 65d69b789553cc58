import type { MemberView } from "@/lib/core/members";
import type { Member } from "./schemas";

export function serializeMember(view: MemberView): Member {
  return {
    ...view,
    lastSignInAt: view.lastSignInAt?.toISOString() ?? null,
    createdAt: view.createdAt.toISOString(),
  };
}
