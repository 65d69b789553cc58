import { randomUUID } from "node:crypto";
import type { z } from "zod";
import {
  type CallOptions,
  DEFAULT_TIMEOUT_MS,
  DeadlineError,
  waitFor,
  withDeadline,
} from "@/lib/resilience/deadline";
import { IbmCloudError } from "./errors";
import { parseJson, request, timeoutError } from "./http";
import {
  type AccessGroup,
  type ApiKeyDetails,
  accessGroupPage,
  apiKeyDetails,
  type PolicyV2,
  policyV2Page,
  type RoleList,
  roleList,
  type ServiceIdDetails,
  serviceIdDetails,
} from "./iam-schemas";
import {
  type ExchangedToken,
  exchangeForResource,
  exchangeToken,
  IAM_SERVICE,
  type IamToken,
} from "./iam-token";
import { limitsOf, refusal } from "./platform";
import type { Secret } from "./secret";

export type { IamToken } from "./iam-token";

/** Gives bearer tokens for one credential. */
export type TokenSource = {
  /** A valid token. @throws IbmCloudError `credentials` … */
  token(options: CallOptions): Promise<IamToken>;
  /**
   * Tells that a service answered 401 to this token. True when it was dropped and trying once more with a new one makes
   * sense; false when that was done a moment ago, so that a missing role does not double every request.
   */
  refused(token: IamToken): boolean;
  /**
   * Has the next call prove with a new token that the credential is still good. While IAM is out of order, the token in
   * hand goes on.
   */
  renew(): void;
};

export type IamClient = {
  /** Token cache of one API key; every call for the same key shares it. */
  tokenSource(apiKey: Secret): TokenSource;
  /**
   * Tokens of a KMIP instance of this deployment, for key managers that authorized it (service to service). The API key
   * is of who may act for such instances.
   */
  authorizedTokenSource(apiKey: Secret, instanceId: string): TokenSource;
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

type Obtain = () => Promise<ExchangedToken>;

type CacheEntry = {
  token: (IamToken & { refreshAt: number }) | null;
  pending: Promise<IamToken> | null;
  /** The credential may have ended before its token does. */
  doubted: boolean;
  /** No background refresh before this, after one that failed. */
  quietUntil: number;
  /** When a token was last dropped because a service refused it. */
  refusedAt: number;
};

/** Service by whose name KMIP instances appear in authorizations, as those of the product before this one. */
export const KMIP_SERVICE_NAME = "vmware-solutions";

/** CRN of a KMIP instance, the source of authorizations. It is global: its zones may be in several regions. */
export function kmipInstanceCrn(accountId: string, instanceId: string): string {
  return `crn:v1:bluemix:public:${KMIP_SERVICE_NAME}:global:a/${accountId}:${instanceId}::`;
}

const MAX_PAGES = 100;
const MAX_CACHED_CREDENTIALS = 20_000;
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

    const entry: CacheEntry = {
      token: null,
      pending: null,
      doubted: false,
      quietUntil: 0,
      refusedAt: -Infinity,
    };
    cache.set(key, entry);

    return entry;
  }

  /** Starts a token exchange, or joins the one that runs. */
  function exchange(obtain: Obtain, entry: CacheEntry): Promise<IamToken> {
    entry.pending ??= obtain()
      .then((token) => {
        entry.token = token;
        entry.doubted = false;

        return token;
      })
      .finally(() => {
        entry.pending = null;
      });

    return entry.pending;
  }

  async function currentToken(obtain: Obtain, entry: CacheEntry, call: CallOptions): Promise<IamToken> {
    const { token } = entry;
    const time = now();
    const good = token !== null && time < token.expiresAt - EXPIRY_MARGIN_MS;
    const proves = good && entry.doubted && time >= entry.quietUntil;

    if (good && !proves) {
      if (time >= token.refreshAt && entry.pending === null && time >= entry.quietUntil) {
        // In the background: the token in hand is good, and stays so when this fails.
        exchange(obtain, entry).catch(() => {
          entry.quietUntil = now() + REFRESH_RETRY_MS;
        });
      }

      return token;
    }

    try {
      return await withDeadline(
        { timeoutMs: call.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal: call.signal },
        (signal) => waitFor(exchange(obtain, entry), signal),
      );
    } catch (error) {
      if (error instanceof IbmCloudError && error.failure === "credentials") {
        // The credential has ended: its last token must not outlive it here.
        entry.token = null;
      } else if (good && entry.token === token) {
        entry.quietUntil = now() + REFRESH_RETRY_MS;

        return token;
      }

      throw error instanceof DeadlineError ? timeoutError(IAM_SERVICE, error) : error;
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
      service: IAM_SERVICE,
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

  function sourceOf(key: string, obtain: Obtain): TokenSource {
    return {
      token: (call) => currentToken(obtain, entryOf(key), call),
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
      renew() {
        const entry = entryOf(key);

        entry.doubted = true;
        entry.quietUntil = 0;
      },
    };
  }

  const apiKeySource = (apiKey: Secret): TokenSource =>
    sourceOf(apiKey.fingerprint(), () => exchangeToken(options.url, apiKey, now));

  return {
    tokenSource: apiKeySource,

    authorizedTokenSource(apiKey, instanceId) {
      const own = apiKeySource(apiKey);

      const source = sourceOf(`${apiKey.fingerprint()} ${instanceId}`, async () => {
        // Callers come and go while it runs: its own id and time.
        const token = await own.token({ correlationId: randomUUID() });

        return exchangeForResource(
          options.url,
          token,
          kmipInstanceCrn(token.identity.accountId, instanceId),
          now,
        );
      });

      return {
        ...source,
        renew() {
          own.renew();
          source.renew();
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
