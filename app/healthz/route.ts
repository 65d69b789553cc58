/** Liveness: the process answers. It asks nothing of the database, whose outage no restart would mend. */
export const dynamic = "force-dynamic";

export function GET(): Response {
  return Response.json({ status: "ok" }, { headers: { "cache-control": "no-store" } });
}
