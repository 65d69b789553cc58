import { z } from "zod";
import type { CallOptions } from "@/lib/resilience/deadline";
import { IbmCloudError } from "./errors";
import { checkBaseUrl, parseJson, request } from "./http";
import type { IamToken } from "./iam";
import { limitsOf, refusal } from "./platform";

const SERVICE = "IBM Cloud Resource Controller";
const MAX_PAGES = 200;

/** Service names as they stand in CRNs and IAM policies. */
export type KeyService = "kms" | "hs-crypto";

const resourceInstance = z.object({
  crn: z.string(),
  // It goes into paths, headers and commands that people copy.
  guid: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/),
  name: z.string(),
  region_id: z.string(),
  state: z.string(),
  account_id: z.string().optional(),
  resource_group_id: z.string().nullish(),
  extensions: z
    .object({
      endpoints: z.object({ public: z.string().nullish(), private: z.string().nullish() }).nullish(),
    })
    .nullish(),
});

const instancePage = z.object({
  next_url: z.string().nullish(),
  resources: z.array(resourceInstance).default([]),
});

export type ResourceInstance = {
  readonly crn: string;
  readonly guid: string;
  readonly name: string;
  readonly region: string;
  /** `active`, `inactive`, `removed`, `pending_reclamation` … */
  readonly state: string;
  readonly resourceGroupId: string | null;
  /** Base URLs without a trailing slash; only such as a token may be sent to. */
  readonly endpoints: { readonly public: string | null; readonly private: string | null };
};

export type EndpointType = "private" | "public";

export type ResourceControllerClient = {
  /** All service instances of one service that the token's owner may see (platform role Viewer). */
  listInstances(token: IamToken, service: KeyService, options: CallOptions): Promise<ResourceInstance[]>;
  /** One service instance by GUID or CRN. @throws IbmCloudError `notFound`, `forbidden` … */
  getInstance(token: IamToken, guidOrCrn: string, options: CallOptions): Promise<ResourceInstance>;
};

/**
 * Client of the Resource Controller API (`/v2/resource_instances`).
 * @param options.url base URL without a trailing slash
 */
export function createResourceControllerClient(options: { url: string }): ResourceControllerClient {
  const origin = new URL(options.url);
  const allowPlain = origin.protocol === "http:";

  function toInstance(row: z.output<typeof resourceInstance>): ResourceInstance {
    const endpoints = row.extensions?.endpoints;

    return {
      crn: row.crn,
      guid: row.guid,
      name: row.name,
      region: row.region_id,
      state: row.state,
      resourceGroupId: row.resource_group_id ?? null,
      endpoints: {
        public: endpoints?.public ? checkBaseUrl(endpoints.public, allowPlain) : null,
        private: endpoints?.private ? checkBaseUrl(endpoints.private, allowPlain) : null,
      },
    };
  }

  async function get<Schema extends z.ZodType>(
    schema: Schema,
    url: string,
    token: IamToken,
    call: CallOptions,
  ): Promise<z.output<Schema>> {
    const response = await request({
      service: SERVICE,
      method: "GET",
      url,
      bearer: token.value,
      headers: { "Transaction-Id": call.correlationId },
      repeat: "safe",
      ...limitsOf(call),
    });

    if (response.status !== 200) {
      throw refusal(response);
    }

    return parseJson(schema, response);
  }

  /** The page after this one. Only on the service's own origin: the bearer token goes nowhere else. */
  function nextPage(nextUrl: string): string {
    const url = new URL(nextUrl, `${options.url}/`);

    if (url.origin !== origin.origin) {
      throw new IbmCloudError("serverError", `${SERVICE} pointed to another host for its next page.`, {
        code: "MALFORMED_RESPONSE",
      });
    }

    return url.href;
  }

  return {
    async listInstances(token, service, call) {
      const found = new Map<string, ResourceInstance>();
      const visited = new Set<string>();
      let url: string | null =
        `${options.url}/v2/resource_instances?${new URLSearchParams({ type: "service_instance", limit: "100" })}`;

      while (url !== null && !visited.has(url) && visited.size < MAX_PAGES) {
        visited.add(url);
        const page: z.output<typeof instancePage> = await get(instancePage, url, token, call);

        for (const row of page.resources) {
          // The plan ids of HPCS are not published; the CRN's service segment is the same for all plans.
          if (row.crn.split(":")[4] === service) {
            found.set(row.crn, toInstance(row));
          }
        }

        url = page.next_url ? nextPage(page.next_url) : null;
      }

      return [...found.values()];
    },

    async getInstance(token, guidOrCrn, call) {
      const url = `${options.url}/v2/resource_instances/${encodeURIComponent(guidOrCrn)}`;

      return toInstance(await get(resourceInstance, url, token, call));
    },
  };
}

/**
 * The base URL to use: the preferred type, else the other one, else null.
 * @param preferred `IBM_CLOUD_ENDPOINT_TYPE`
 */
export function chooseEndpoint(
  endpoints: ResourceInstance["endpoints"],
  preferred: EndpointType,
): string | null {
  const other = preferred === "private" ? "public" : "private";

  return endpoints[preferred] ?? endpoints[other];
}
