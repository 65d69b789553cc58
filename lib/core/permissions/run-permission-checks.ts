import { credentialInHand } from "@/lib/core/key-managers/credentials";
import { ibmCloud } from "@/lib/core/key-managers/ibm-cloud";
import { providerContext, requireProvider } from "@/lib/core/key-managers/providers";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { Secret } from "@/lib/ibm-cloud/secret";
import type { PermissionOutcome } from "./report";

export type PermissionCheckInput = {
  readonly kind: string;
  /** API key of a service ID, or whatever the kind takes; unless `authorizedFor` is there. */
  readonly apiKey?: string | Secret | undefined;
  /** Id of the KMIP instance that the key manager shall have authorized, for which the deployment's identity acts. */
  readonly authorizedFor?: string | undefined;
  readonly keyManagerCrn: string;
  readonly crkId: string;
  /** The key ring chosen for the instance, if one was. */
  readonly keyRing?: string | null | undefined;
  /** Last known base URL, for when nobody tells. */
  readonly endpoint?: string | null | undefined;
  /** Base URL that a person gave; it is used whatever anybody tells. */
  readonly givenEndpoint?: string | null | undefined;
  readonly correlationId: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for each call; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** False for checks that run by themselves: a PIN that a token refused is then not tried again. */
  readonly mayTryPin?: boolean | undefined;
  /** Told of errors that no check expects (a bug); the report then says CHECK_BROKE. */
  readonly onError?: ((error: unknown) => void) | undefined;
};

/**
 * Checks what an instance needs of its key manager, each point by what the key manager answers (see its provider's
 * checks). Expected failures are findings of the report, not errors.
 * @throws AppError INVALID_STATE without any credentials, VALIDATION_FAILED for an unknown kind
 */
export async function runPermissionChecks(
  input: PermissionCheckInput,
  cloud: IbmCloud = ibmCloud(),
): Promise<PermissionOutcome> {
  const provider = requireProvider(input.kind);
  const credential = credentialInHand(provider, input);
  const checkedAt = new Date();
  const { results, facts } = await provider.checks(providerContext(cloud), {
    credential,
    keyManagerCrn: input.keyManagerCrn,
    crkId: input.crkId,
    keyRing: input.keyRing ?? null,
    endpoint: input.endpoint ?? null,
    givenEndpoint: input.givenEndpoint ?? null,
    call: {
      correlationId: input.correlationId,
      ...(input.timeoutMs === undefined ? {} : { timeoutMs: input.timeoutMs }),
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    },
    mayTrySecret: input.mayTryPin !== false,
    onError: input.onError,
  });
  return {
    report: {
      ok: results.every((check) => check.status !== "fail"),
      checkedAt: checkedAt.toISOString(),
      serviceId: facts.serviceId,
      checks: results,
    },
    facts,
  };
}
