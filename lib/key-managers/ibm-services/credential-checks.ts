import { withToken } from "@/lib/ibm-cloud/iam";
import type { ApiKeyDetails } from "@/lib/ibm-cloud/iam-schemas";
import { secretOf } from "../provider";
import type { IbmCheckRun } from "./check-run";
import { describeServiceId } from "./discover";
import { expected, expiryOf, type IbmVerdict, SOON_MS } from "./verdicts";

/** IAM gives a token for the API key, and goes on doing so. */
export async function checkApiKey(run: IbmCheckRun): Promise<IbmVerdict> {
  try {
    run.tokens = run.service.tokens(run.cloud, run.input.credential);
    const { identity } = await run.tokens.token(run.call);
    run.facts.iamId = identity.iamId;
    run.facts.serviceId = identity.serviceId;
    run.facts.serviceIdName = identity.serviceId === null ? null : identity.name;
  } catch (error) {
    const failure = expected(error);

    return failure.failure === "credentials"
      ? { code: "API_KEY_REFUSED", params: { iamCode: failure.code ?? "" } }
      : { code: "IAM_UNAVAILABLE", params: { cause: failure.message } };
  }

  const details = await readApiKeyDetails(run);
  const expiresAt = details === "unknown" || details === "refused" ? null : expiryOf(details);
  const over = expiresAt !== null && expiresAt.getTime() <= Date.now();

  if (details === "refused" || (details !== "unknown" && (details.disabled || over))) {
    const refused = await proveApiKey(run, {
      details: details === "refused" ? null : details,
      expiresAt,
      over,
    });

    if (refused) {
      return refused;
    }
  }

  return expiresAt !== null && !over && expiresAt.getTime() - Date.now() < SOON_MS
    ? { code: "API_KEY_EXPIRES_SOON", params: { expiresAt: expiresAt.toISOString() } }
    : { code: "API_KEY_ACCEPTED" };
}

/**
 * A token may have been fetched before its API key was disabled, deleted or expired, and outlives it by up to an hour:
 * only a new one proves that the key is still good.
 */
async function proveApiKey(
  run: IbmCheckRun,
  apiKey: { details: ApiKeyDetails | null; expiresAt: Date | null; over: boolean },
): Promise<IbmVerdict | null> {
  run.tokens.renew();

  try {
    await run.tokens.token(run.call);

    return null;
  } catch (error) {
    const failure = expected(error);
    const { details, expiresAt, over } = apiKey;

    return failure.failure === "credentials"
      ? {
          code: over ? "API_KEY_EXPIRED" : details?.disabled ? "API_KEY_DISABLED" : "API_KEY_REFUSED",
          params: {
            iamCode: failure.code ?? "",
            apiKeyId: details?.id ?? "",
            apiKeyName: details?.name ?? "",
            expiresAt: expiresAt?.toISOString() ?? "",
          },
        }
      : { code: "IAM_UNAVAILABLE", params: { cause: failure.message } };
  }
}

/** What IAM says of the API key; `refused` when it may not be read, or is no longer there. */
async function readApiKeyDetails(run: IbmCheckRun): Promise<ApiKeyDetails | "refused" | "unknown"> {
  const apiKey = secretOf(run.input.credential);

  try {
    return await withToken(run.tokens, run.call, (token) =>
      run.cloud.iam.getApiKeyDetails(apiKey, token, run.call),
    );
  } catch (error) {
    const { failure } = expected(error);

    return failure === "forbidden" || failure === "notFound" || failure === "credentials"
      ? "refused"
      : "unknown";
  }
}

/** The API key belongs to a service ID, not to a person. */
export async function checkServiceId(run: IbmCheckRun): Promise<IbmVerdict> {
  try {
    const described = await withToken(run.tokens, run.call, (token) =>
      describeServiceId(run.cloud, token, run.call),
    );

    if (described === null) {
      return { code: "API_KEY_OF_USER" };
    }

    run.facts.serviceIdName = described.name;

    return { code: "SERVICE_ID_KNOWN" };
  } catch (error) {
    return { code: "IAM_UNAVAILABLE", params: { cause: expected(error).message } };
  }
}
