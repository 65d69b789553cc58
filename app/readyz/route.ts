import { join } from "node:path";
import { readiness } from "@/lib/core/readiness";

export const dynamic = "force-dynamic";

/**
 * Readiness: database, migrations, and a live KMIP endpoint in every zone; otherwise 503 with the reasons. Warnings say
 * what is wrong although everybody is served.
 */
export async function GET(): Promise<Response> {
  const { problems: reasons, warnings } = await readiness(join(process.cwd(), "prisma", "migrations"));

  return Response.json(
    { status: reasons.length === 0 ? "ready" : "not ready", reasons, warnings },
    { status: reasons.length === 0 ? 200 : 503, headers: { "cache-control": "no-store" } },
  );
}
