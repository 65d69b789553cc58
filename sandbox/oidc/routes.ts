import type { SandboxContext } from "../context";
import type { Route } from "../http/router";
import type { SandboxRequest, SandboxResponse } from "../http/types";
import type { TokenIssuer } from "../iam/token-issuer";
import { CLIENT_ID } from "./client";
import { messagePage, signInPage } from "./page";
import type { AuthorizationRequest, OidcProvider } from "./provider";
import { userInfo } from "./token";

/** Parameters of an authorization request that come back with the choice on the page. */
const PARAMETERS = [
  "client_id",
  "redirect_uri",
  "response_type",
  "scope",
  "state",
  "nonce",
  "code_challenge",
  "code_challenge_method",
] as const;

/** `/.well-known/openid-configuration` below the issuer (OpenID Connect Discovery 1.0). */
function discovery(oidc: OidcProvider): SandboxResponse {
  const { issuer } = oidc;

  return {
    status: 200,
    body: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      end_session_endpoint: `${issuer}/logout`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      grant_types_supported: ["authorization_code", "urn:ibm:params:oauth:grant-type:apikey"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
      scopes_supported: ["openid", "email", "profile"],
      claims_supported: ["sub", "iam_id", "name", "email", "email_verified", "preferred_username"],
    },
  };
}

function redirect(uri: string, parameters: Record<string, string | undefined>): SandboxResponse {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) {
      url.searchParams.set(name, value);
    }
  }

  return { status: 303, headers: { location: url.href } };
}

/**
 * Reads an authorization request. A client or address that is not known is told to the person, everything else to
 * the client (RFC 6749, 4.1.2.1).
 */
function readRequest(
  oidc: OidcProvider,
  parameters: URLSearchParams,
): { wanted: AuthorizationRequest } | { refusal: SandboxResponse } {
  const of = (name: string): string | undefined => parameters.get(name) ?? undefined;
  const redirectUri = of("redirect_uri") ?? "";
  if (of("client_id") !== CLIENT_ID || !oidc.mayRedirectTo(redirectUri)) {
    return {
      refusal: messagePage(
        400,
        "This sign-in cannot go on",
        "The program that sent you here is not known to the sandbox: its client_id or redirect_uri is another.",
      ),
    };
  }
  const state = of("state");
  const fail = (error: string, description: string) => ({
    refusal: redirect(redirectUri, { error, error_description: description, state, iss: oidc.issuer }),
  });
  if (of("response_type") !== "code") {
    return fail("unsupported_response_type", "response_type must be code.");
  }
  if (!(of("scope") ?? "").split(" ").includes("openid")) {
    return fail("invalid_scope", "scope must have openid.");
  }
  const codeChallenge = of("code_challenge") ?? "";
  if (of("code_challenge_method") !== "S256" || !/^[\w-]{43}$/.test(codeChallenge)) {
    return fail("invalid_request", "A code_challenge with the method S256 is required.");
  }
  // There are no sessions: nobody is ever signed in already.
  if ((of("prompt") ?? "").split(" ").includes("none")) {
    return fail("login_required", "Nobody is signed in.");
  }

  return { wanted: { redirectUri, state, nonce: of("nonce"), codeChallenge } };
}

/** `GET /identity/authorize`: the page on which people choose who they are. */
function showSignIn(oidc: OidcProvider, request: SandboxRequest): SandboxResponse {
  const { query } = request;
  const read = readRequest(oidc, query);
  if ("refusal" in read) {
    return read.refusal;
  }
  const kept = PARAMETERS.flatMap((name): [string, string][] => {
    const value = query.get(name);
    return value === null ? [] : [[name, value]];
  });

  return signInPage(oidc.people, kept, read.wanted.redirectUri);
}

/** `POST /identity/authorize`: the choice; leads back to the client with a code. */
function signIn(oidc: OidcProvider, request: SandboxRequest): SandboxResponse {
  const form = new URLSearchParams(request.body.toString("utf8"));
  const read = readRequest(oidc, form);
  if ("refusal" in read) {
    return read.refusal;
  }
  const { wanted } = read;
  const person = oidc.people.find(({ email }) => email === form.get("person"));
  if (!person) {
    return redirect(wanted.redirectUri, { error: "access_denied", state: wanted.state, iss: oidc.issuer });
  }

  return redirect(wanted.redirectUri, {
    code: oidc.grant(wanted, person),
    state: wanted.state,
    iss: oidc.issuer,
  });
}

/** `/identity/logout`: there is no session to end; leads back where it is asked to and allowed. */
function signOut(oidc: OidcProvider, parameters: URLSearchParams): SandboxResponse {
  const target = parameters.get("post_logout_redirect_uri");
  if (target !== null && oidc.mayReturnTo(target)) {
    return redirect(target, { state: parameters.get("state") ?? undefined });
  }

  return messagePage(200, "You are signed out", "The sandbox does not remember who you were.");
}

/** The endpoints of OpenID Connect, beside the token endpoint and the keys, which IAM has anyway. */
export function oidcRoutes(issuer: TokenIssuer, oidc: OidcProvider): Route<SandboxContext>[] {
  const info: Route<SandboxContext>["handler"] = (context, request) =>
    userInfo(context, issuer, oidc, request);

  return [
    {
      method: "GET",
      pattern: "/identity/.well-known/openid-configuration",
      handler: () => discovery(oidc),
    },
    { method: "GET", pattern: "/identity/authorize", handler: (_, request) => showSignIn(oidc, request) },
    { method: "POST", pattern: "/identity/authorize", handler: (_, request) => signIn(oidc, request) },
    { method: "GET", pattern: "/identity/userinfo", handler: info },
    { method: "POST", pattern: "/identity/userinfo", handler: info },
    {
      method: "GET",
      pattern: "/identity/logout",
      handler: (_, request) => signOut(oidc, request.query),
    },
    {
      method: "POST",
      pattern: "/identity/logout",
      handler: (_, request) => signOut(oidc, new URLSearchParams(request.body.toString("utf8"))),
    },
  ];
}
