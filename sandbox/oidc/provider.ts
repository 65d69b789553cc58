import { createHash, randomBytes } from "node:crypto";

import type { SandboxContext } from "../context";
import { clientSecret, issuerOf } from "./client";

/** Somebody who can sign in. */
export interface Person {
  email: string;
  name: string;
  /** false: IAM does not vouch for the address; clients should refuse the person. */
  emailVerified?: boolean;
}

export const defaultPeople: readonly Person[] = [
  { email: "admin@example.com", name: "Administrator" },
  { email: "operator@example.com", name: "Olivia Operator" },
  { email: "auditor@example.com", name: "Alan Auditor" },
  { email: "viewer@example.com", name: "Vera Viewer" },
  { email: "unverified@example.com", name: "Uma Unverified", emailVerified: false },
];

/** What a client asked for when it sent a person to sign in. */
export interface AuthorizationRequest {
  redirectUri: string;
  state: string | undefined;
  nonce: string | undefined;
  /** SHA-256 of the client's verifier (RFC 7636), base64url. */
  codeChallenge: string;
}

interface Grant extends AuthorizationRequest {
  person: Person;
  signedInAt: number;
}

const CODE_MS = 60_000;
const MAX_CODES = 1000;
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** An absolute URL; undefined for anything else. */
function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Subject of a person, in the form of IBM Cloud's; the same after every start. */
export function subjectOf(person: Person): string {
  const digest = createHash("sha256").update(person.email.toLowerCase()).digest("hex");

  return `IBMid-${digest.slice(0, 10).toUpperCase()}`;
}

/** The claims about a person that ID token and userinfo have. */
export function claimsOf(person: Person, accountId: string): Record<string, unknown> {
  return {
    iam_id: subjectOf(person),
    realmid: "IBMid",
    account: { valid: true, bss: accountId },
    name: person.name,
    email: person.email,
    email_verified: person.emailVerified ?? true,
    preferred_username: person.email,
  };
}

interface OidcOptions {
  people: readonly Person[];
  redirectUris: readonly string[];
}

/**
 * IAM as OpenID Connect provider: the authorization code flow with PKCE for one client. Who signs in is chosen on a
 * page, without a password: it is for trying single sign-on, and nothing that it guards is safe. Codes are kept in
 * memory, for a minute.
 */
export class OidcProvider {
  readonly #context: SandboxContext;
  readonly #options: OidcOptions;
  readonly #codes = new Map<string, Grant>();

  constructor(context: SandboxContext, options: OidcOptions) {
    this.#context = context;
    this.#options = options;
  }

  get issuer(): string {
    return issuerOf(this.#context.baseUrl());
  }

  get clientSecret(): string {
    return clientSecret(this.#context.vault);
  }

  get people(): readonly Person[] {
    return this.#options.people;
  }

  /** Whether people may be sent there: a registered address, or one of this machine on any port (RFC 8252, 7.3). */
  mayRedirectTo(uri: string): boolean {
    if (this.#options.redirectUris.includes(uri)) {
      return true;
    }
    const url = urlOf(uri);

    return url?.protocol === "http:" && LOOPBACK.has(url.hostname) && url.hash === "" && url.username === "";
  }

  /** Whether people may be sent there after they signed out: where they may be sent to sign in, on any path. */
  mayReturnTo(uri: string): boolean {
    const origin = urlOf(uri)?.origin;

    return (
      this.mayRedirectTo(uri) || this.#options.redirectUris.some((known) => urlOf(known)?.origin === origin)
    );
  }

  /** A code for a person who has signed in; it is good once. */
  grant(request: AuthorizationRequest, person: Person): string {
    const oldest = this.#codes.keys().next().value;
    if (this.#codes.size >= MAX_CODES && oldest !== undefined) {
      this.#codes.delete(oldest);
    }
    const code = randomBytes(32).toString("base64url");
    this.#codes.set(code, { ...request, person, signedInAt: this.#context.clock.now() });

    return code;
  }

  /** Takes a code back; undefined if it was never given out, was used or is too old. */
  redeem(code: string): Grant | undefined {
    const grant = this.#codes.get(code);
    this.#codes.delete(code);

    return grant && this.#context.clock.now() - grant.signedInAt < CODE_MS ? grant : undefined;
  }
}
