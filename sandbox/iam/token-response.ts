import type { SandboxResponse } from "../http/types";
import type { IssuedToken } from "./token-issuer";

/** The answer of `POST /identity/token`, whatever the token was given for. */
export function tokenResponse({ token, expiresIn, expiresAt, scope }: IssuedToken): SandboxResponse {
  return {
    status: 200,
    body: {
      access_token: token,
      refresh_token: "not_supported",
      token_type: "Bearer",
      expires_in: expiresIn,
      expiration: expiresAt,
      scope,
    },
  };
}
