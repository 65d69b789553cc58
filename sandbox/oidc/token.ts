import { createHash, timingSafeEqual } from "node:crypto";

import type { SandboxContext } from "../context";
import { headerOf, ResponseError, type SandboxRequest, type SandboxResponse } from "../http/types";
import type { TokenIssuer } from "../iam/token-issuer";
import { CLIENT_ID } from "./client";
import { claimsOf, type OidcProvider, subjectOf } from "./provider";

const TOKEN_SECONDS = 3600;
const SCOPE = "openid email profile";

function formOf(request: SandboxRequest): URLSearchParams {
  return new URLSearchParams(request.body.toString("utf8"));
}

/** Whether a call of the token endpoint is one of OpenID Connect, and not one with an API key. */
export function isCodeExchange(request: SandboxRequest): boolean {
  return formOf(request).get("grant_type") === "authorization_code";
}

/** An error of the token endpoint (RFC 6749, 5.2). */
function refuse(status: number, error: string, description: string): ResponseError {
  return new ResponseError(error, {
    status,
    ...(status === 401 ? { headers: { "www-authenticate": "Basic" } } : {}),
    body: { error, error_description: description },
  });
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}

/** Identifier and secret of the client: HTTP Basic, each form-encoded (RFC 6749, 2.3.1), or in the form. */
function clientOf(request: SandboxRequest, form: URLSearchParams): { id: string; secret: string } {
  const basic = /^Basic +([\w+/=]+)$/i.exec(headerOf(request, "authorization") ?? "")?.[1];
  if (basic === undefined) {
    return { id: form.get("client_id") ?? "", secret: form.get("client_secret") ?? "" };
  }
  const text = Buffer.from(basic, "base64").toString("utf8");
  const [id = "", secret = ""] = text
    .split(":", 2)
    .map((part) => new URLSearchParams(`v=${part}`).get("v") ?? "");

  return { id, secret };
}

/**
 * `POST /identity/token` with `authorization_code`: exchanges a code for an ID token and an access token. The
 * client must prove itself by its secret and the request by its PKCE verifier.
 */
export async function exchangeCode(
  context: SandboxContext,
  issuer: TokenIssuer,
  oidc: OidcProvider,
  request: SandboxRequest,
): Promise<SandboxResponse> {
  const form = formOf(request);
  const client = clientOf(request, form);
  if (client.id !== CLIENT_ID || !timingSafeEqual(sha256(client.secret), sha256(oidc.clientSecret))) {
    throw refuse(401, "invalid_client", "The client or its secret is not known.");
  }
  const grant = oidc.redeem(form.get("code") ?? "");
  const challenge = sha256(form.get("code_verifier") ?? "").toString("base64url");
  if (!grant || grant.redirectUri !== form.get("redirect_uri") || grant.codeChallenge !== challenge) {
    throw refuse(400, "invalid_grant", "The code, its redirect_uri or its code_verifier is not valid.");
  }

  const { person } = grant;
  const now = context.clock.now();
  const common = {
    issuer: oidc.issuer,
    subject: subjectOf(person),
    audience: CLIENT_ID,
    now,
    seconds: TOKEN_SECONDS,
  };
  const accountId = context.store.list("account")[0]?.id ?? "";
  const [accessToken, idToken] = await Promise.all([
    issuer.issueForPerson({ ...common, type: "at+jwt", claims: { scope: SCOPE, client_id: CLIENT_ID } }),
    issuer.issueForPerson({
      ...common,
      type: "JWT",
      claims: {
        ...claimsOf(person, accountId),
        auth_time: Math.floor(grant.signedInAt / 1000),
        ...(grant.nonce === undefined ? {} : { nonce: grant.nonce }),
      },
    }),
  ]);

  return {
    status: 200,
    body: {
      access_token: accessToken,
      id_token: idToken,
      token_type: "Bearer",
      expires_in: TOKEN_SECONDS,
      expiration: Math.floor(now / 1000) + TOKEN_SECONDS,
      scope: SCOPE,
    },
  };
}

/** `/identity/userinfo`: the claims about the person whose access token the request bears. */
export async function userInfo(
  context: SandboxContext,
  issuer: TokenIssuer,
  oidc: OidcProvider,
  request: SandboxRequest,
): Promise<SandboxResponse> {
  const token = /^Bearer +(\S+)$/i.exec(headerOf(request, "authorization") ?? "")?.[1];
  const subject = token && (await issuer.personOf(token, oidc.issuer, context.clock.now()));
  const person = oidc.people.find((candidate) => subjectOf(candidate) === subject);
  if (!person) {
    throw new ResponseError("invalid_token", {
      status: 401,
      headers: { "www-authenticate": 'Bearer error="invalid_token"' },
      body: { error: "invalid_token" },
    });
  }

  return {
    status: 200,
    body: { sub: subject, ...claimsOf(person, context.store.list("account")[0]?.id ?? "") },
  };
}
