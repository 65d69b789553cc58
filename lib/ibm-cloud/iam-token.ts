import { randomUUID } from "node:crypto";
import { IbmCloudError } from "./errors";
import { type HttpResponse, parseJson, request, tryParseJson } from "./http";
import { tokenClaims, tokenResponse } from "./iam-schemas";
import { refusal } from "./platform";
import { Secret } from "./secret";

/** Name of the service in error messages. */
export const IAM_SERVICE = "IBM Cloud IAM";

/** A token is refreshed after this part of its life, as IBM's SDK core does. */
const REFRESH_AFTER = 0.8;

/** Whose token it is, from the token's own claims. */
type IamIdentity = {
  /** `iam-ServiceId-<uuid>` or `IBMid-…`. */
  readonly iamId: string;
  readonly accountId: string;
  readonly name: string | null;
  /** `ServiceId-<uuid>` when the API key is a service ID's, else null (a user's). */
  readonly serviceId: string | null;
};

export type IamToken = {
  readonly value: Secret;
  readonly identity: IamIdentity;
  /** Milliseconds since the epoch, by this machine's clock. */
  readonly expiresAt: number;
};

export type ExchangedToken = IamToken & { readonly refreshAt: number };

/**
 * Exchanges an API key for a token, at most ten seconds long.
 * @param url base URL of IAM
 * @param now clock in milliseconds
 * @throws IbmCloudError `credentials` when IAM does not accept the key, and others
 */
export function exchangeToken(url: string, apiKey: Secret, now: () => number): Promise<ExchangedToken> {
  return exchange(url, now, {
    grant_type: "urn:ibm:params:oauth:grant-type:apikey",
    apikey: apiKey.reveal(),
    response_type: "cloud_iam",
  });
}

/**
 * Exchanges the token of who may act for a service for a token of one of that service's resource instances.
 * @param crn of the resource instance
 * @throws IbmCloudError `credentials` when IAM does not let the token's owner act for it, and others
 */
export function exchangeForResource(
  url: string,
  token: IamToken,
  crn: string,
  now: () => number,
): Promise<ExchangedToken> {
  return exchange(url, now, {
    grant_type: "urn:ibm:params:oauth:grant-type:iam-authz",
    access_token: token.value.reveal(),
    desired_iam_id: `crn-${crn}`,
  });
}

async function exchange(
  url: string,
  now: () => number,
  form: { readonly [name: string]: string },
): Promise<ExchangedToken> {
  const startedAt = now();
  // Its own id and time: callers come and go while it runs.
  const response = await request({
    service: IAM_SERVICE,
    method: "POST",
    url: `${url}/identity/token`,
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      "Transaction-Id": randomUUID(),
    },
    body: new URLSearchParams(form).toString(),
    repeat: "safe",
  });

  if (response.status !== 200) {
    // A key that IAM does not know is answered 400 (BXNIM0415E), not 401.
    throw refusal(response, [400, 401, 403].includes(response.status) ? "credentials" : undefined);
  }

  const answer = parseJson(tokenResponse, response);
  const lifetimeMs = answer.expires_in * 1000;

  return {
    value: new Secret(answer.access_token),
    identity: identityOf(answer.access_token, response),
    // From the start of the exchange and the answer's duration, so that a clock set wrong does no harm.
    expiresAt: startedAt + lifetimeMs,
    refreshAt: startedAt + lifetimeMs * REFRESH_AFTER,
  };
}

/**
 * Reads the claims without checking the signature: the token came over IAM's own connection, and every service
 * checks it when it is used.
 */
function identityOf(token: string, response: HttpResponse): IamIdentity {
  const [, payload] = token.split(".");
  const claims = tryParseJson(tokenClaims, Buffer.from(payload ?? "", "base64url").toString("utf8"));

  if (claims === null) {
    throw new IbmCloudError("serverError", `${IAM_SERVICE} gave a token without the expected claims.`, {
      status: response.status,
      code: "MALFORMED_RESPONSE",
      correlationId: response.correlationId,
    });
  }

  return {
    iamId: claims.iam_id,
    accountId: claims.account.bss,
    name: claims.name ?? null,
    serviceId: claims.iam_id.startsWith("iam-ServiceId-") ? claims.iam_id.slice("iam-".length) : null,
  };
}
