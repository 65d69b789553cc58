import type { SandboxContext } from "../context";
import type { SandboxRequest, SandboxResponse } from "../http/types";
import type { ApiKeyRecord } from "../store/model";
import { hashApiKey } from "../store/vault";
import { tokenError } from "./errors";
import { API_KEY_GRANT, RESOURCE_GRANT } from "./grants";
import { exchangeForResource } from "./resource-tokens";
import type { TokenIssuer } from "./token-issuer";
import { tokenResponse } from "./token-response";

/** Why an API key cannot be used now, or undefined if it can. */
function apiKeyFault(apiKey: ApiKeyRecord, now: number): string | undefined {
  if (apiKey.disabled) {
    return "Provided API key is disabled.";
  }
  if (apiKey.expiresAt !== undefined && Date.parse(apiKey.expiresAt) <= now) {
    return "Provided API key is expired.";
  }
  return undefined;
}

/**
 * `POST /identity/token` and its alias `/oidc/token`: exchanges an API key for an access token (RFC 6749 with
 * IBM's own grant type). An API key that is unknown, disabled or expired is answered 400 BXNIM0415E.
 */
export async function exchangeToken(
  context: SandboxContext,
  issuer: TokenIssuer,
  request: SandboxRequest,
): Promise<SandboxResponse> {
  const form = new URLSearchParams(request.body.toString("utf8"));
  const grantType = form.get("grant_type");
  const apiKeyText = form.get("apikey");
  if (!grantType) {
    throw tokenError(request, 400, "BXNIM0109E", "Property missing or empty: 'grant_type'.");
  }
  if (grantType === RESOURCE_GRANT) {
    return exchangeForResource(context, issuer, request, form);
  }
  if (grantType !== API_KEY_GRANT) {
    // The error code of RFC 6749, section 5.2: IBM's own number is not documented.
    throw tokenError(
      request,
      400,
      "unsupported_grant_type",
      "The sandbox exchanges API keys and tokens of services.",
    );
  }
  if (!apiKeyText) {
    throw tokenError(request, 400, "BXNIM0109E", "Property missing or empty: 'apikey'.");
  }

  const now = context.clock.now();
  const apiKey = context.store.apiKeyByHash(hashApiKey(apiKeyText));
  const serviceId = context.store.list("service-id").find((candidate) => candidate.iamId === apiKey?.iamId);
  if (!apiKey || !serviceId) {
    throw tokenError(request, 400, "BXNIM0415E", "Provided API key could not be found.");
  }
  const fault = apiKeyFault(apiKey, now);
  if (fault !== undefined) {
    throw tokenError(request, 400, "BXNIM0415E", fault);
  }

  return tokenResponse(await issuer.issue(serviceId, now));
}
