import type { NextAuthOptions } from "next-auth";
import CredentialsProvider from "next-auth/providers/credentials";
import { AppError } from "@/lib/core/errors";
import { SESSION_SECONDS } from "@/lib/core/users";
import { env } from "@/lib/env";
import { createLogger } from "@/lib/log";
import type { RequestFacts } from "./request-facts";
import { cookieName, secureCookies, sessionSecret } from "./settings";
import { signInWithPassword, signInWithProvider, signOut } from "./sign-in";

declare module "next-auth" {
  interface User {
    sessionId?: string;
    sessionVersion?: number;
  }
}

declare module "next-auth/jwt" {
  interface JWT {
    sessionId?: string;
    sessionVersion?: number;
  }
}

const OIDC_PROVIDER_ID = "oidc";

type Provider = NextAuthOptions["providers"][number];
type OidcProfile = { sub: string; email?: string; email_verified?: boolean; name?: string };

/** The single sign-on provider of the environment, if one is configured. */
function oidcProvider(): Provider[] {
  const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME } = env();
  if (OIDC_ISSUER === undefined || OIDC_CLIENT_ID === undefined || OIDC_CLIENT_SECRET === undefined) {
    return [];
  }

  return [
    {
      id: OIDC_PROVIDER_ID,
      name: OIDC_NAME,
      type: "oauth",
      wellKnown: `${OIDC_ISSUER.replace(/\/$/, "")}/.well-known/openid-configuration`,
      clientId: OIDC_CLIENT_ID,
      clientSecret: OIDC_CLIENT_SECRET,
      authorization: { params: { scope: "openid email profile" } },
      idToken: true,
      checks: ["pkce", "state", "nonce"],
      profile: (profile: OidcProfile) => ({
        id: profile.sub,
        email: profile.email ?? null,
        name: profile.name ?? null,
      }),
    },
  ];
}

/** True when people can sign in with the provider of the environment. */
export function singleSignOn(): { id: string; name: string } | null {
  const [provider] = oidcProvider();

  return provider ? { id: provider.id, name: provider.name } : null;
}

function cookie(what: string, maxAge?: number) {
  return {
    name: cookieName(what),
    options: {
      httpOnly: true,
      sameSite: "lax" as const,
      path: "/",
      secure: secureCookies(),
      ...(maxAge === undefined ? {} : { maxAge }),
    },
  };
}

const FIFTEEN_MINUTES = 15 * 60;

/** The codes that the sign-in page gets as `?error=`. */
const SIGN_IN_ERRORS = { RATE_LIMITED: "RateLimited", AUDIT_UNAVAILABLE: "Unavailable" } as const;

function signInError(error: unknown): Error {
  const code = error instanceof AppError ? error.code : null;
  if (code === "RATE_LIMITED" || code === "AUDIT_UNAVAILABLE") {
    return new Error(SIGN_IN_ERRORS[code]);
  }

  createLogger("auth").error({ err: error }, "sign-in failed");

  return new Error("Unavailable");
}

/** next-auth's options for one request. */
export function authOptions(facts: RequestFacts): NextAuthOptions {
  const logger = createLogger("auth");

  return {
    secret: sessionSecret(),
    useSecureCookies: secureCookies(),
    session: { strategy: "jwt", maxAge: SESSION_SECONDS },
    pages: { signIn: "/sign-in", error: "/sign-in", signOut: "/sign-in" },
    cookies: {
      sessionToken: cookie("session"),
      callbackUrl: cookie("callback-url"),
      csrfToken: cookie("csrf-token"),
      pkceCodeVerifier: cookie("pkce", FIFTEEN_MINUTES),
      state: cookie("state", FIFTEEN_MINUTES),
      nonce: cookie("nonce"),
    },
    providers: [
      CredentialsProvider({
        id: "credentials",
        credentials: { email: { type: "email" }, password: { type: "password" } },
        authorize: async (credentials) => {
          try {
            return await signInWithPassword(
              { email: credentials?.email, password: credentials?.password },
              facts,
            );
          } catch (error) {
            // next-auth hands the message to the sign-in page.
            throw signInError(error);
          }
        },
      }),
      ...oidcProvider(),
    ],
    callbacks: {
      async signIn({ user, account, profile }) {
        if (account?.provider !== OIDC_PROVIDER_ID) {
          return true;
        }

        const claims = profile as OidcProfile | undefined;
        const person = await signInWithProvider(
          {
            email: claims?.email ?? null,
            emailVerified: claims?.email_verified === true,
            name: claims?.name ?? null,
          },
          facts,
        );
        if (person === null) {
          return false;
        }
        user.id = person.id;
        user.sessionId = person.sessionId;
        user.sessionVersion = person.sessionVersion;

        return true;
      },
      jwt({ token, user }) {
        if (!user) {
          return token;
        }

        // Nothing about the person but the ids: name, role and account come from the database at each request.
        return { sub: user.id, sessionId: user.sessionId ?? "", sessionVersion: user.sessionVersion ?? 0 };
      },
      session: ({ session }) => ({ expires: session.expires }),
    },
    events: {
      signOut: ({ token }) => signOut(token, facts),
    },
    logger: {
      // Its metadata may hold requests and profiles: only codes and error texts are logged.
      error: (code, metadata) =>
        logger.error({ code, err: metadata instanceof Error ? metadata : metadata.error }, "next-auth"),
      warn: (code) => logger.warn({ code }, "next-auth"),
      debug: () => {},
    },
  };
}
