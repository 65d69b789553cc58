import { randomUUID } from "node:crypto";
import type { CallOptions } from "@/lib/resilience/deadline";
import { type Get, getJson, listAccessGroups, listPolicies, type PolicyFilter } from "./iam-requests";
import {
  type AccessGroup,
  type ApiKeyDetails,
  apiKeyDetails,
  type PolicyV2,
  type RoleList,
  roleList,
  type ServiceIdDetails,
  serviceIdDetails,
} from "./iam-schemas";
import { exchangeForResource, exchangeToken, type IamToken } from "./iam-token";
import type { Secret } from "./secret";
import { createTokenCache, type TokenSource } from "./token-cache";

export type { IamToken } from "./iam-token";
export { type TokenSource, withToken } from "./token-cache";

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
  listPolicies(token: IamToken, filter: PolicyFilter, options: CallOptions): Promise<PolicyV2[]>;
  /** `GET /v2/groups`: the access groups of the token's owner. */
  listAccessGroups(token: IamToken, options: CallOptions): Promise<AccessGroup[]>;
  /** `GET /v2/roles`: roles and the actions they hold, for one service. */
  listRoles(token: IamToken, serviceName: string, options: CallOptions): Promise<RoleList>;
};

/** Service by whose name KMIP instances appear in authorizations, as those of the product before this one. */
export const KMIP_SERVICE_NAME = "vmware-solutions";

/** CRN of a KMIP instance, the source of authorizations. It is global: its zones may be in several regions. */
function kmipInstanceCrn(accountId: string, instanceId: string): string {
  return `crn:v1:bluemix:public:${KMIP_SERVICE_NAME}:global:a/${accountId}:${instanceId}::`;
}

/**
 * Client of IBM Cloud IAM.
 * @param options.url base URL, e.g. https://private.iam.cloud.ibm.com, without a trailing slash
 * @param options.now clock in milliseconds, for tests
 */
export function createIamClient(options: { url: string; now?: () => number }): IamClient {
  const now = options.now ?? Date.now;
  const { sourceOf } = createTokenCache(now);

  const get: Get = (schema, request) => getJson(options.url, schema, request);

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
      get(apiKeyDetails, {
        path: "/v1/apikeys/details",
        token,
        call,
        headers: { "IAM-ApiKey": apiKey.reveal() },
      }),

    getServiceId: (token, serviceId, call) =>
      get(serviceIdDetails, { path: `/v1/serviceids/${encodeURIComponent(serviceId)}`, token, call }),

    listPolicies: (token, filter, call) => listPolicies(get, token, filter, call),
    listAccessGroups: (token, call) => listAccessGroups(get, token, call),

    listRoles(token, serviceName, call) {
      const query = new URLSearchParams({
        account_id: token.identity.accountId,
        service_name: serviceName,
      });

      return get(roleList, { path: `/v2/roles?${query}`, token, call });
    },
  };
}
