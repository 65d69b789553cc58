import { readFileSync } from "node:fs";
import { env } from "@/lib/env";
import { Secret } from "@/lib/ibm-cloud/secret";
import { processSlot } from "@/lib/per-process";
import { ProviderError } from "../provider";

/** So long what was read counts: serving asks at every Get, and a replaced key shall be taken up soon. */
const KEPT_MS = 10_000;

const slot = processSlot<{ readonly key: Secret; readonly at: number }>("deployment-api-key");

/** True where HPCS instances can authorize KMIP instances of this deployment. */
export function hasDeploymentIdentity(): boolean {
  return env().HPCS_DEPLOYMENT_API_KEY_FILE !== undefined;
}

/**
 * The API key of the deployment's own service ID, which may act for its KMIP instances.
 * @throws ProviderError `notAvailable` when none is configured, or its file cannot be read
 */
export function deploymentApiKey(): Secret {
  const known = slot.get();
  if (known && performance.now() - known.at < KEPT_MS) {
    return known.key;
  }

  const file = env().HPCS_DEPLOYMENT_API_KEY_FILE;
  if (file === undefined) {
    throw new ProviderError(
      "notAvailable",
      "This deployment has no identity of its own for service authorizations (HPCS_DEPLOYMENT_API_KEY_FILE).",
    );
  }

  const key = readKey(file);
  slot.set({ key, at: performance.now() });

  return key;
}

/** The error names the file and nothing of its content. */
function readKey(file: string): Secret {
  let text = "";
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw unusable(file, error);
  }
  if (text === "" || /\s/.test(text)) {
    throw unusable(file);
  }

  return new Secret(text);
}

function unusable(file: string, cause?: unknown): ProviderError {
  return new ProviderError(
    "notAvailable",
    `The file ${file} (HPCS_DEPLOYMENT_API_KEY_FILE) holds no API key.`,
    {
      cause,
    },
  );
}
