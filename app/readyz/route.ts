import { join } from "node:path";
import { readinessProblems } from "@/lib/core/readiness";

export const dynamic = "force-dynamic";

/** Readiness: database, migrations, and a live KMIP endpoint in every zone; otherwise 503 with the reasons. */
export async function GET(): Promise<Response> {
  const reasons = await readinessProblems(join(process.cwd(), "prisma", "migrations"));

  return Response.json(
    { status: reasons.length === 0 ? "ready" : "not ready", reasons },
    { status: reasons.length === 0 ? 200 : 503, headers: { "cache-control": "no-store" } },
  );
}
