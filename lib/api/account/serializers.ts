import type { Authenticated } from "@/lib/auth";
import type { EndpointNodeView } from "@/lib/core/endpoints";
import type { MemberView } from "@/lib/core/members";
import type { ApiTokenView } from "@/lib/core/tokens";
import type { ApiToken, EndpointNode, Me, Member } from "./schemas";

/** Who calls. */
export function serializeMe({ actor, accountName, displayName, email }: Authenticated): Me {
  return {
    kind: actor.kind === "token" ? "token" : "user",
    id: actor.id,
    name: displayName,
    email,
    account: { id: actor.accountId, name: accountName },
    role: actor.role,
  };
}

export function serializeToken(view: ApiTokenView): ApiToken {
  return {
    ...view,
    createdAt: view.createdAt.toISOString(),
    expiresAt: view.expiresAt?.toISOString() ?? null,
    lastUsedAt: view.lastUsedAt?.toISOString() ?? null,
    revokedAt: view.revokedAt?.toISOString() ?? null,
  };
}

export function serializeMember(view: MemberView): Member {
  return {
    ...view,
    lastSignInAt: view.lastSignInAt?.toISOString() ?? null,
    createdAt: view.createdAt.toISOString(),
  };
}

export function serializeEndpointNode(view: EndpointNodeView): EndpointNode {
  return {
    ...view,
    startedAt: view.startedAt.toISOString(),
    heartbeatAt: view.heartbeatAt.toISOString(),
    failedHandshakes: view.failedHandshakes.map((item) => ({ ...item })),
  };
}
