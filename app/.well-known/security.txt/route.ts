import { securityText } from "@/app/security-text";
import { env } from "@/lib/env";

/** How to report a weakness (RFC 9116), for whoever asks. */
export const dynamic = "force-dynamic";

export function GET(): Response {
  return new Response(securityText(env(), new Date()), {
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
  });
}
