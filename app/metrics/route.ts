import { metricsText } from "@/lib/api/metrics";

export const dynamic = "force-dynamic";

/** Figures for Prometheus. They name no account, instance or person. */
export async function GET(): Promise<Response> {
  const { text, contentType } = await metricsText();

  return new Response(text, { headers: { "content-type": contentType, "cache-control": "no-store" } });
}
