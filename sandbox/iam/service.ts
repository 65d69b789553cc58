import type { SandboxContext } from "../context";
import type { Service } from "../http/app";
import { compileRoutes, type PathParameters, type Route } from "../http/router";
import type { SandboxRequest, SandboxResponse } from "../http/types";
import type { OidcProvider } from "../oidc/provider";
import { oidcRoutes } from "../oidc/routes";
import { exchangeCode, isCodeExchange } from "../oidc/token";
import type { Caller } from "./caller";
import { iamError, iamFault, iamTrouble } from "./errors";
import { getAccessGroup, isMemberOfAccessGroup, listAccessGroupMembers, listAccessGroups } from "./groups";
import { getApiKey, getApiKeyDetails, getServiceId, listApiKeys, listServiceIds } from "./identities";
import {
  getPolicy,
  getPolicyPlaceholder,
  getRole,
  listPolicies,
  listPolicyPlaceholders,
  listRoles,
  policyView,
} from "./policies";
import { createPolicy, deletePolicy } from "./policy-changes";
import { exchangeToken } from "./token-exchange";
import type { TokenFault, TokenIssuer } from "./token-issuer";

const faults: Record<TokenFault, [code: string, message: string]> = {
  missing: ["missing_authorization", "The request has no bearer token."],
  malformed: ["invalid_token", "The bearer token is not a token of IAM."],
  invalid: ["invalid_token", "The signature or the content of the bearer token is not valid."],
  expired: ["token_expired", "The bearer token has expired."],
};

/** Whoever calls IAM or the resource controller; 401 without a valid bearer token. */
export async function requireCaller(
  context: SandboxContext,
  issuer: TokenIssuer,
  request: SandboxRequest,
): Promise<Caller> {
  const caller = await issuer.authenticate(request, context.clock.now());
  if (typeof caller === "string") {
    throw iamError(401, ...faults[caller]);
  }

  return caller;
}

type CallerHandler = (
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
  parameters: PathParameters,
) => SandboxResponse;

/**
 * IAM: tokens, service IDs and API keys, policies, access groups, roles; and for people the sign-in with OpenID
 * Connect. Answers for unknown paths, too.
 */
export function iamService(issuer: TokenIssuer, oidc: OidcProvider): Service {
  const withCaller = (
    pattern: string,
    handler: CallerHandler,
    method: "GET" | "POST" | "DELETE" = "GET",
  ): Route<SandboxContext> => ({
    method,
    pattern,
    handler: async (context, request, parameters) =>
      handler(context, request, await requireCaller(context, issuer, request), parameters),
  });
  const token = (pattern: string): Route<SandboxContext> => ({
    method: "POST",
    pattern,
    handler: (context, request) =>
      isCodeExchange(request)
        ? exchangeCode(context, issuer, oidc, request)
        : exchangeToken(context, issuer, request),
  });
  const find = compileRoutes<SandboxContext>([
    token("/identity/token"),
    token("/oidc/token"),
    {
      method: "GET",
      pattern: "/identity/keys",
      handler: () => ({ status: 200, body: issuer.jwks() }),
    },
    ...oidcRoutes(issuer, oidc),
    withCaller("/v1/apikeys/details", getApiKeyDetails),
    withCaller("/v1/apikeys", listApiKeys),
    withCaller("/v1/apikeys/:id", (context, _request, caller, { id = "" }) => getApiKey(context, id, caller)),
    withCaller("/v1/serviceids", listServiceIds),
    withCaller("/v1/serviceids/:id", (context, _request, caller, { id = "" }) =>
      getServiceId(context, id, caller),
    ),
    withCaller("/v1/policies", listPolicyPlaceholders),
    withCaller("/v1/policies/:id", (context, _request, caller, { id = "" }) =>
      getPolicyPlaceholder(context, id, caller),
    ),
    withCaller("/v2/policies", listPolicies),
    withCaller("/v2/policies/:id", (context, _request, caller, { id = "" }) =>
      getPolicy(context, id, caller),
    ),
    withCaller(
      "/v2/policies",
      (context, request, caller) => createPolicy(context, request, caller, policyView),
      "POST",
    ),
    withCaller(
      "/v2/policies/:id",
      (context, _request, caller, { id = "" }) => deletePolicy(context, id, caller),
      "DELETE",
    ),
    withCaller("/v2/groups", listAccessGroups),
    withCaller("/v2/groups/:id", (context, _request, caller, { id = "" }) =>
      getAccessGroup(context, id, caller),
    ),
    withCaller("/v2/groups/:id/members", (context, request, caller, { id = "" }) =>
      listAccessGroupMembers(context, request, caller, id),
    ),
    {
      ...withCaller("/v2/groups/:id/members/:iamId", (context, _request, caller, { id = "", iamId = "" }) =>
        isMemberOfAccessGroup(context, id, iamId, caller),
      ),
      method: "HEAD",
    },
    withCaller("/v2/roles", listRoles),
    withCaller("/v2/roles/:id", (context, _request, caller, { id = "" }) => getRole(context, id, caller)),
  ]);

  return { name: "iam", owns: () => true, find, trouble: iamTrouble, fault: iamFault };
}
