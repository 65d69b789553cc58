import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** A small OpenID Connect provider: discovery, keys, and the code flow with PKCE for one person at a time. */
export async function startOidcProvider(clientId: string) {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "1", alg: "RS256", use: "sig" };
  const person = { sub: "subject-1", email: "someone@example.com", email_verified: true, name: "Someone" };
  let issuer = "";
  let pending: { nonce: string; challenge: string } | null = null;

  async function tokenAnswer(request: IncomingMessage) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (form.get("code") !== "code-1" || challenge !== pending?.challenge) {
      return { error: "invalid_grant" };
    }

    const idToken = await new SignJWT({ ...person, nonce: pending.nonce })
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .setIssuer(issuer)
      .setAudience(clientId)
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);

    return { access_token: "access", token_type: "Bearer", expires_in: 300, id_token: idToken };
  }

  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", issuer).pathname;
    const answer =
      path === "/.well-known/openid-configuration"
        ? {
            issuer,
            authorization_endpoint: `${issuer}/authorize`,
            token_endpoint: `${issuer}/token`,
            jwks_uri: `${issuer}/keys`,
            response_types_supported: ["code"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: ["RS256"],
          }
        : path === "/keys"
          ? { keys: [jwk] }
          : await tokenAnswer(request);
    response.writeHead("error" in answer ? 400 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    issuer,
    person,
    /** What the provider's page does when the person agrees: answers the query of the redirect back. */
    agree(authorizeUrl: string): Record<string, string> {
      const query = new URL(authorizeUrl).searchParams;
      pending = { nonce: query.get("nonce") ?? "", challenge: query.get("code_challenge") ?? "" };

      return { code: "code-1", state: query.get("state") ?? "" };
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
