import { processSlot } from "@/lib/per-process";

/** Forgets the counts of all limits, as a process does that starts anew. */
export function resetRateLimits(): void {
  processSlot("rate-limits").set(null);
  processSlot("sign-in-known").set(null);
}

/** Forgets the API key of the deployment, as a process does that starts anew. */
export function forgetDeploymentApiKey(): void {
  processSlot("deployment-api-key").set(null);
}
