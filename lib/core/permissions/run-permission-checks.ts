import { causeOf } from "@/lib/core/key-managers/causes";
import { credentialInHand } from "@/lib/core/key-managers/credentials";
import { ibmCloud } from "@/lib/core/key-managers/ibm-cloud";
import { providerContext, requireProvider } from "@/lib/core/key-managers/providers";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { Secret } from "@/lib/ibm-cloud/secret";
import type { CheckResult } from "@/lib/key-managers/checks/run-checks";
import { CHECK_TITLES, type FindingParams, wordsOf } from "./findings";
import type { PermissionCheckItem, PermissionOutcome } from "./report";

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
 * checks), and words what they found. Expected failures are findings of the report, not errors.
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
  const checks = results.map(toItem);

  return {
    report: {
      ok: checks.every((check) => check.status !== "fail"),
      checkedAt: checkedAt.toISOString(),
      serviceId: facts.serviceId,
      checks,
    },
    facts,
  };
}

/** A result with its words. */
function toItem(result: CheckResult): PermissionCheckItem {
  const { detail, remedy } = wordsOf(result.code);
  const params = wordParams(result);

  return {
    id: result.id,
    title: titleOf(result.id),
    status: result.status,
    detail: detail(params),
    ...(remedy ? { remedy: remedy(params) } : {}),
    ...(result.command === undefined ? {} : { command: result.command }),
    code: result.code,
    ...(Object.keys(params).length > 0 ? { params } : {}),
    durationMs: result.durationMs,
  };
}

/** The values of a result, with the words for what stands in them as a code. */
function wordParams({ code, params, causeCode }: CheckResult): { [name: string]: string } {
  const cause = causeOf(causeCode);

  return {
    ...params,
    ...(cause === null ? {} : { cause: `${cause.cause} ${cause.remedy} (${causeCode})` }),
    ...(code === "WAITS_FOR" ? { checkTitle: titleOf(params.check ?? "") } : {}),
  } satisfies FindingParams;
}

const titleOf = (id: string): string => CHECK_TITLES[id] ?? id;
