import { randomUUID } from "node:crypto";
import type { z } from "zod";
import { type CallOptions, DEFAULT_TIMEOUT_MS, DeadlineError, waitFor, withDeadline } from "./deadline";
import { IbmCloudError, type IbmCloudFailure } from "./errors";
import { type HttpResponse, parseJson, request, timeoutError, tryParseJson } from "./http";
import {
  type AccessGroup,
  type ApiKeyDetails,
  accessGroupPage,
  apiKeyDetails,
  iamErrorBody,
  type PolicyV2,
  policyV2Page,
  type RoleList,
  roleList,
  type ServiceIdDetails,
  serviceIdDetails,
  tokenClaims,
  tokenResponse,
} from "./iam-schemas";
import { Secret } from "./secret";

/** Whose token it is, from the token's own claims. */
export type IamIdentity = {
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

/** Gives bearer tokens for one credential. */
export type TokenSource = {
  /** A valid token. @throws IbmCloudError `credentials` … */
  token(options: CallOptions): Promise<IamToken>;
  /**
   * Tells that a service answered 401 to this token. True when it was dropped and trying once more with a new one makes
   * sense; false when that was done a moment ago, so that a missing role does not double every request.
   */
  refused(token: IamToken): boolean;
};

export type IamClient = {
  /** Token cache of one API key; every call for the same key shares it. */
  tokenSource(apiKey: Secret): TokenSource;
  /** `GET /v1/apikeys/details`: the API key's own name, state and owner. */
  getApiKeyDetails(apiKey: Secret, token: IamToken, options: CallOptions): Promise<ApiKeyDetails>;
  /** `GET /v1/serviceids/{id}`. */
  getServiceId(token: IamToken, serviceId: string, options: CallOptions): Promise<ServiceIdDetails>;
  /**
   * `GET /v2/policies`, all pages. Only policies that the token's owner may read are in it: an empty list proves
   * nothing.
   */
  listPolicies(
    token: IamToken,
    filter: { iamId?: string; accessGroupId?: string; type?: "access" | "authorization" },
    options: CallOptions,
  ): Promise<PolicyV2[]>;
  /** `GET /v2/groups`: the access groups of the token's owner. */
  listAccessGroups(token: IamToken, options: CallOptions): Promise<AccessGroup[]>;
  /** `GET /v2/roles`: roles and the actions they hold, for one service. */
  listRoles(token: IamToken, serviceName: string, options: CallOptions): Promise<RoleList>;
};

type CacheEntry = {
  token: (IamToken & { refreshAt: number }) | null;
  pending: Promise<IamToken> | null;
  /** No background refresh before this, after one that failed. */
  quietUntil: number;
  /** When a token was last dropped because a service refused it. */
  refusedAt: number;
};

const SERVICE = "IBM Cloud IAM";
const MAX_PAGES = 100;
const MAX_CACHED_CREDENTIALS = 20_000;
/** A token is refreshed after this part of its life, as IBM's SDK core does. */
const REFRESH_AFTER = 0.8;
/** A token this close to its end is not used any more. */
const EXPIRY_MARGIN_MS = 30_000;
const REFRESH_RETRY_MS = 10_000;
const REFUSED_RETRY_MS = 10_000;

/**
 * Client of IBM Cloud IAM.
 * @param options.url base URL, e.g. https://private.iam.cloud.ibm.com, without a trailing slash
 * @param options.now clock in milliseconds, for tests
 */
export function createIamClient(options: { url: string; now?: () => number }): IamClient {
  const now = options.now ?? Date.now;
  const cache = new Map<string, CacheEntry>();

  function entryOf(key: string): CacheEntry {
    const known = cache.get(key);

    if (known) {
      return known;
    }

    if (cache.size >= MAX_CACHED_CREDENTIALS) {
      // Oldest first: a credential that is still in use makes itself a new entry.
      const [oldest] = cache.keys();
      cache.delete(oldest ?? "");
    }

    const entry: CacheEntry = { token: null, pending: null, quietUntil: 0, refusedAt: -Infinity };
    cache.set(key, entry);

    return entry;
  }

  /** Starts a token exchange, or joins the one that runs. */
  function exchange(apiKey: Secret, entry: CacheEntry): Promise<IamToken> {
    entry.pending ??= exchangeToken(options.url, apiKey, now)
      .then((token) => {
        entry.token = token;

        return token;
      })
      .finally(() => {
        entry.pending = null;
      });

    return entry.pending;
  }

  async function currentToken(apiKey: Secret, entry: CacheEntry, call: CallOptions): Promise<IamToken> {
    const { token } = entry;
    const time = now();

    if (token && time < token.expiresAt - EXPIRY_MARGIN_MS) {
      if (time >= token.refreshAt && entry.pending === null && time >= entry.quietUntil) {
        // In the background: the token in hand is good, and stays so when this fails.
        exchange(apiKey, entry).catch(() => {
          entry.quietUntil = now() + REFRESH_RETRY_MS;
        });
      }

      return token;
    }

    try {
      return await withDeadline(
        { timeoutMs: call.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal: call.signal },
        (signal) => waitFor(exchange(apiKey, entry), signal),
      );
    } catch (error) {
      throw error instanceof DeadlineError ? timeoutError(SERVICE, error) : error;
    }
  }

  async function get<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    token: IamToken,
    call: CallOptions,
    headers: { [name: string]: string } = {},
  ): Promise<z.output<Schema>> {
    const response = await request({
      service: SERVICE,
      method: "GET",
      url: `${options.url}${path}`,
      bearer: token.value,
      headers: { "Transaction-Id": call.correlationId, ...headers },
      repeat: "safe",
      ...limitsOf(call),
    });

    if (response.status !== 200) {
      throw refusal(response);
    }

    return parseJson(schema, response);
  }

  return {
    tokenSource(apiKey) {
      const key = apiKey.fingerprint();

      return {
        token: (call) => currentToken(apiKey, entryOf(key), call),
        refused(token) {
          const entry = entryOf(key);

          if (entry.token !== null && entry.token.value !== token.value) {
            return true;
          }

          // Replaced a moment ago and refused again: the token is good, and what is missing is a role.
          if (now() - entry.refusedAt < REFUSED_RETRY_MS) {
            return false;
          }

          entry.token = null;
          entry.refusedAt = now();

          return true;
        },
      };
    },

    getApiKeyDetails: (apiKey, token, call) =>
      get(apiKeyDetails, "/v1/apikeys/details", token, call, { "IAM-ApiKey": apiKey.reveal() }),

    getServiceId: (token, serviceId, call) =>
      get(serviceIdDetails, `/v1/serviceids/${encodeURIComponent(serviceId)}`, token, call),

    async listPolicies(token, filter, call) {
      const policies: PolicyV2[] = [];
      let start: string | undefined;

      for (let page = 0; page < MAX_PAGES; page += 1) {
        const query = new URLSearchParams({ account_id: token.identity.accountId, limit: "100" });
        query.set("type", filter.type ?? "access");

        if (filter.iamId !== undefined) {
          query.set("iam_id", filter.iamId);
        }

        if (filter.accessGroupId !== undefined) {
          query.set("access_group_id", filter.accessGroupId);
        }

        if (start !== undefined) {
          query.set("start", start);
        }

        const answer = await get(policyV2Page, `/v2/policies?${query}`, token, call);
        policies.push(...answer.policies);
        start = answer.next?.start;

        if (start === undefined) {
          break;
        }
      }

      return policies;
    },

    async listAccessGroups(token, call) {
      const groups: AccessGroup[] = [];
      const limit = 100;

      for (let page = 0; page < MAX_PAGES; page += 1) {
        const query = new URLSearchParams({
          account_id: token.identity.accountId,
          iam_id: token.identity.iamId,
          membership_type: "all",
          limit: String(limit),
          offset: String(page * limit),
        });
        const answer = await get(accessGroupPage, `/v2/groups?${query}`, token, call);
        groups.push(...answer.groups);

        if (answer.next?.href === undefined) {
          break;
        }
      }

      return groups;
    },

    listRoles(token, serviceName, call) {
      const query = new URLSearchParams({
        account_id: token.identity.accountId,
        service_name: serviceName,
      });

      return get(roleList, `/v2/roles?${query}`, token, call);
    },
  };
}

/**
 * Runs a call of a platform service with a token. A 401 says that the token itself is not accepted (no access is
 * 403 there): then once more with a new one.
 * @throws what `task` throws
 */
export async function withToken<T>(
  source: TokenSource,
  call: CallOptions,
  task: (token: IamToken) => Promise<T>,
): Promise<T> {
  const token = await source.token(call);

  try {
    return await task(token);
  } catch (error) {
    if (error instanceof IbmCloudError && error.status === 401 && source.refused(token)) {
      return task(await source.token(call));
    }

    throw error;
  }
}

async function exchangeToken(
  url: string,
  apiKey: Secret,
  now: () => number,
): Promise<IamToken & { refreshAt: number }> {
  const startedAt = now();
  // Its own id and time: callers come and go while it runs.
  const response = await request({
    service: SERVICE,
    method: "POST",
    url: `${url}/identity/token`,
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      "Transaction-Id": randomUUID(),
    },
    body: new URLSearchParams({
      grant_type: "urn:ibm:params:oauth:grant-type:apikey",
      apikey: apiKey.reveal(),
      response_type: "cloud_iam",
    }).toString(),
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
    throw new IbmCloudError("serverError", `${SERVICE} gave a token without the expected claims.`, {
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

/** The failure that a status means for a platform service (IAM, resource controller). */
export function failureOfStatus(status: number): IbmCloudFailure {
  switch (status) {
    case 401:
    case 403:
      return "forbidden";
    case 404:
    case 410:
      return "notFound";
    case 408:
      return "timeout";
    case 429:
      return "throttled";
    default:
      return status >= 400 && status < 500 ? "rejected" : "serverError";
  }
}

/** The error for an answer that is not the hoped-for one; keeps the service's code, not its text. */
export function refusal(response: HttpResponse, failure?: IbmCloudFailure): IbmCloudError {
  const body = tryParseJson(iamErrorBody, response.body);
  const code = body?.errorCode ?? body?.error_code ?? body?.code ?? body?.errors?.[0]?.code ?? null;

  return new IbmCloudError(
    failure ?? failureOfStatus(response.status),
    `${response.service} answered ${response.status}${code === null ? "" : ` (${code})`}.`,
    {
      status: response.status,
      code,
      correlationId: response.correlationId,
      retryAfterMs: response.retryAfterMs,
    },
  );
}

/** Time and signal of a call, in the form that `request` takes. */
export function limitsOf(call: CallOptions): { timeoutMs?: number; signal?: AbortSignal } {
  return {
    ...(call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  };
}
