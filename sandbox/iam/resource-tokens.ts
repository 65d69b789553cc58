import type { SandboxContext } from "../context";
import type { SandboxRequest, SandboxResponse } from "../http/types";
import { attributeMatches, groupsOf, isSubject } from "./authorization";
import type { Caller } from "./caller";
import { tokenError } from "./errors";
import { KMIP_SERVICE_NAME, resourceIdentityOf } from "./resource-identity";
import { parseRoleCrn } from "./roles";
import type { TokenIssuer } from "./token-issuer";
import { tokenResponse } from "./token-response";

/**
 * Whether a service ID may act for the instances of a service. IBM grants that to its own services alone and does not
 * document how; in the sandbox it is an access policy on that service with the platform role Operator.
 */
function mayActFor(context: SandboxContext, caller: Caller, serviceName: string): boolean {
  const groups = groupsOf(context.store, caller.iamId);

  return context.store
    .list("policy")
    .some(
      (policy) =>
        policy.type === "access" &&
        policy.state === "active" &&
        policy.accountId === caller.accountId &&
        isSubject(policy, caller.iamId, groups) &&
        policy.roles.some((role) => parseRoleCrn(role, "hs-crypto")?.name === "Operator") &&
        policy.resource.some(
          (attribute) => attribute.key === "serviceName" && attributeMatches(attribute, serviceName),
        ),
    );
}

/**
 * `POST /identity/token` with the grant type `iam-authz`: a token of a resource instance (`desired_iam_id`) for whoever
 * may act for its service (`access_token`). Authorization policies decide what that token opens.
 */
export async function exchangeForResource(
  context: SandboxContext,
  issuer: TokenIssuer,
  request: SandboxRequest,
  form: URLSearchParams,
): Promise<SandboxResponse> {
  const accessToken = form.get("access_token") ?? "";
  const desired = form.get("desired_iam_id") ?? "";
  for (const [name, value] of Object.entries({ access_token: accessToken, desired_iam_id: desired })) {
    if (value === "") {
      throw tokenError(request, 400, "BXNIM0109E", `Property missing or empty: '${name}'.`);
    }
  }
  const now = context.clock.now();
  const caller = await issuer.authenticate(
    { ...request, headers: { authorization: `Bearer ${accessToken}` } },
    now,
  );
  if (typeof caller === "string") {
    throw tokenError(request, 401, "BXNIM0408E", "Provided access token is not valid.");
  }
  const identity = resourceIdentityOf({ iamId: desired });
  if (
    identity?.serviceName !== KMIP_SERVICE_NAME ||
    identity.accountId !== caller.accountId ||
    !mayActFor(context, caller, identity.serviceName)
  ) {
    throw tokenError(request, 403, "BXNIM0513E", "You are not authorized to use this API.");
  }

  return tokenResponse(await issuer.issueForResource({ iamId: desired, accountId: identity.accountId }, now));
}
