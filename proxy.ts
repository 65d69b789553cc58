import { type NextRequest, NextResponse } from "next/server";
import { env } from "@/lib/env";
import { contentSecurityPolicy, NONCE_HEADER, PATH_HEADER } from "./app/content-security-policy";

/**
 * Gives each page its own nonce and the Content-Security-Policy that names it. Who may see a page is decided
 * by the page itself, beside the data, and never here.
 */
export function proxy(request: NextRequest) {
  const nonce = crypto.randomUUID();
  const policy = contentSecurityPolicy(nonce, env().NODE_ENV === "development");
  const headers = new Headers(request.headers);
  headers.set(NONCE_HEADER, nonce);
  headers.set(PATH_HEADER, `${request.nextUrl.pathname}${request.nextUrl.search}`);
  // Next reads the nonce for its own scripts from the policy of the request.
  headers.set("content-security-policy", policy);

  const response = NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", policy);

  if (env().publicUrl.startsWith("https:")) {
    response.headers.set("strict-transport-security", "max-age=31536000");
  }

  return response;
}

export const config = {
  matcher: [
    // Pages only: not the API, its probes, assets, or the files of public/, which anybody may read.
    "/((?!api/|healthz$|readyz$|metrics$|_next/|\\.well-known/|[\\w-]+\\.(?:svg|ico|png|txt|webmanifest)$).*)",
  ],
};
