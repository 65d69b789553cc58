import { randomUUID } from "node:crypto";

import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  jwtVerify,
  SignJWT,
} from "jose";
import { z } from "zod";

import type { SandboxContext } from "../context";
import { SandboxError } from "../errors";
import { headerOf, type SandboxRequest } from "../http/types";
import type { ServiceIdRecord, SigningKeyRecord } from "../store/model";
import { put } from "../store/store";
import type { Vault } from "../store/vault";
import type { Caller } from "./caller";
import { API_KEY_GRANT, RESOURCE_GRANT } from "./grants";

/** Lifetime of a token in seconds; IBM Cloud's last an hour at most. */
const TOKEN_SECONDS = 3600;
const ISSUER = "https://iam.cloud.ibm.com/identity";
const SCOPE = "ibm openid";
/** Verified tokens kept in memory, so that a burst of calls with one token verifies one signature. */
const MAX_VERIFIED = 1000;

const claimsSchema = z.object({
  iam_id: z.string(),
  account: z.object({ bss: z.string() }),
  exp: z.number(),
});

/** An access token with what the answer says of it: its life in seconds, its end in Unix time. */
export interface IssuedToken {
  token: string;
  expiresIn: number;
  expiresAt: number;
  scope: string;
}

/** What is wrong with a bearer token. The services answer differently to each. */
export type TokenFault = "missing" | "malformed" | "invalid" | "expired";

/** Signs and checks access tokens: RS256 with one key, made once and kept sealed in the store. */
export class TokenIssuer {
  readonly #privateKey: CryptoKey;
  readonly #publicKey: CryptoKey;
  readonly #publicJwk: JWK;
  readonly #kid: string;
  readonly #verified = new Map<string, { caller: Caller; exp: number }>();

  private constructor(privateKey: CryptoKey, publicKey: CryptoKey, publicJwk: JWK, kid: string) {
    this.#privateKey = privateKey;
    this.#publicKey = publicKey;
    this.#publicJwk = publicJwk;
    this.#kid = kid;
  }

  /** Makes a new signing key, as a record to be stored. */
  static async createKey(vault: Vault, createdAt: string): Promise<SigningKeyRecord> {
    const pair = await generateKeyPair("RS256", { modulusLength: 2048, extractable: true });
    const kid = await calculateJwkThumbprint(await exportJWK(pair.publicKey));
    const jwk = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)), "utf8");
    const privateJwk = vault.seal(jwk, `signing-key/${kid}`);
    jwk.fill(0);

    return { kid, createdAt, privateJwk };
  }

  /** Loads a stored signing key. Throws SANDBOX_STORE_CORRUPT if the vault does not open it. */
  static async load(vault: Vault, record: SigningKeyRecord): Promise<TokenIssuer> {
    const text = vault.unseal(record.privateJwk, `signing-key/${record.kid}`);
    const jwk: JWK = JSON.parse(text.toString("utf8"));
    text.fill(0);
    const publicJwk: JWK = { kty: jwk.kty, n: jwk.n, e: jwk.e, alg: "RS256", use: "sig", kid: record.kid };
    const privateKey = await importJWK(jwk, "RS256");
    const publicKey = await importJWK(publicJwk, "RS256");
    if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) {
      throw new SandboxError("SANDBOX_STORE_CORRUPT", "The stored signing key is not an RSA key.");
    }

    return new TokenIssuer(privateKey, publicKey, publicJwk, record.kid);
  }

  /** The public key set (RFC 7517). */
  jwks(): { keys: JWK[] } {
    return { keys: [this.#publicJwk] };
  }

  /** Signs a token of a resource instance; its claims are those of IBM Cloud's CRN tokens. `now` in milliseconds. */
  async issueForResource(resource: Caller, now: number): Promise<IssuedToken> {
    const issuedAt = Math.floor(now / 1000);
    const expiresAt = issuedAt + TOKEN_SECONDS;
    const { iamId, accountId } = resource;
    const subject = iamId.replace(/^crn-/, "");
    const token = await new SignJWT({
      iam_id: iamId,
      id: iamId,
      realmid: "crn",
      identifier: subject,
      sub_type: "CRN",
      authn: { sub: subject, iam_id: iamId, sub_type: "CRN" },
      account: { valid: true, bss: accountId, frozen: true },
      grant_type: RESOURCE_GRANT,
      scope: SCOPE,
      client_id: "default",
      acr: 0,
      amr: [],
    })
      .setProtectedHeader({ alg: "RS256", kid: this.#kid, typ: "JWT" })
      .setSubject(subject)
      .setIssuer(ISSUER)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(randomUUID())
      .sign(this.#privateKey);

    return { token, expiresIn: TOKEN_SECONDS, expiresAt, scope: SCOPE };
  }

  /** Signs a token for a service ID. `now` in milliseconds; the claims are those of IBM Cloud's tokens. */
  async issue(serviceId: ServiceIdRecord, now: number): Promise<IssuedToken> {
    const issuedAt = Math.floor(now / 1000);
    const expiresAt = issuedAt + TOKEN_SECONDS;
    const token = await new SignJWT({
      iam_id: serviceId.iamId,
      id: serviceId.iamId,
      realmid: "iam",
      identifier: serviceId.id,
      name: serviceId.name,
      sub_type: "ServiceId",
      authn: {
        sub: serviceId.id,
        iam_id: serviceId.iamId,
        sub_type: "ServiceId",
        name: serviceId.name,
      },
      account: { valid: true, bss: serviceId.accountId, frozen: true },
      grant_type: API_KEY_GRANT,
      scope: SCOPE,
      client_id: "default",
      acr: 1,
      amr: ["pwd"],
    })
      .setProtectedHeader({ alg: "RS256", kid: this.#kid, typ: "JWT" })
      .setSubject(serviceId.id)
      .setIssuer(ISSUER)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(randomUUID())
      .sign(this.#privateKey);

    return { token, expiresIn: TOKEN_SECONDS, expiresAt, scope: SCOPE };
  }

  /** Signs a token about a person for an OpenID Connect client. `now` in milliseconds. */
  async issueForPerson(token: {
    claims: Readonly<Record<string, unknown>>;
    type: "JWT" | "at+jwt";
    issuer: string;
    subject: string;
    audience: string;
    now: number;
    seconds: number;
  }): Promise<string> {
    const issuedAt = Math.floor(token.now / 1000);

    return new SignJWT(token.claims)
      .setProtectedHeader({ alg: "RS256", kid: this.#kid, typ: token.type })
      .setSubject(token.subject)
      .setIssuer(token.issuer)
      .setAudience(token.audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + token.seconds)
      .setJti(randomUUID())
      .sign(this.#privateKey);
  }

  /** The subject of a person's access token; undefined if it is not one, or no longer. */
  async personOf(token: string, issuer: string, now: number): Promise<string | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, {
        algorithms: ["RS256"],
        typ: "at+jwt",
        issuer,
        currentDate: new Date(now),
      });
      return payload.sub;
    } catch {
      return undefined;
    }
  }

  /** The caller that the `Authorization` header of a request proves, or what is wrong with it. */
  async authenticate(request: SandboxRequest, now: number): Promise<Caller | TokenFault> {
    const header = headerOf(request, "authorization");
    if (header === undefined) {
      return "missing";
    }
    const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header.trim())?.[1];
    if (token === undefined) {
      return "malformed";
    }

    const known = this.#verified.get(token);
    if (known) {
      return known.exp * 1000 > now ? known.caller : "expired";
    }
    let claims: z.infer<typeof claimsSchema>;
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, {
        algorithms: ["RS256"],
        issuer: ISSUER,
        currentDate: new Date(now),
      });
      claims = claimsSchema.parse(payload);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ERR_JWT_EXPIRED") {
        return "expired";
      }
      return code === "ERR_JWS_INVALID" || code === "ERR_JWT_INVALID" ? "malformed" : "invalid";
    }
    const caller: Caller = { iamId: claims.iam_id, accountId: claims.account.bss };
    if (this.#verified.size >= MAX_VERIFIED) {
      this.#verified.clear();
    }
    this.#verified.set(token, { caller, exp: claims.exp });

    return caller;
  }
}

/** Loads the token issuer of a store, making its key if the store has none. */
export async function openTokenIssuer(context: SandboxContext, createdAt: string): Promise<TokenIssuer> {
  let record = context.store.list("signing-key")[0];
  if (!record) {
    record = await TokenIssuer.createKey(context.vault, createdAt);
    context.store.commit(put("signing-key", record.kid, record));
  }

  return TokenIssuer.load(context.vault, record);
}
