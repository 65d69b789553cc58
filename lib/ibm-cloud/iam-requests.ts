import type { z } from "zod";
import type { CallOptions } from "@/lib/resilience/deadline";
import { parseJson, request } from "./http";
import { type AccessGroup, accessGroupPage, type PolicyV2, policyV2Page } from "./iam-schemas";
import { IAM_SERVICE, type IamToken } from "./iam-token";
import { limitsOf, refusal } from "./platform";

const MAX_PAGES = 100;

type GetRequest = {
  readonly path: string;
  readonly token: IamToken;
  readonly call: CallOptions;
  readonly headers?: { readonly [name: string]: string };
};

/** Reads something of IAM. @throws IbmCloudError */
export type Get = <Schema extends z.ZodType>(
  schema: Schema,
  request: GetRequest,
) => Promise<z.output<Schema>>;

export type PolicyFilter = { iamId?: string; accessGroupId?: string; type?: "access" | "authorization" };

/** @param url base URL of IAM, without a trailing slash. @throws IbmCloudError */
export async function getJson<Schema extends z.ZodType>(
  url: string,
  schema: Schema,
  { path, token, call, headers }: GetRequest,
): Promise<z.output<Schema>> {
  const response = await request({
    service: IAM_SERVICE,
    method: "GET",
    url: `${url}${path}`,
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

/** `GET /v2/policies`, all pages. @throws IbmCloudError */
export async function listPolicies(
  get: Get,
  token: IamToken,
  filter: PolicyFilter,
  call: CallOptions,
): Promise<PolicyV2[]> {
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

    const answer = await get(policyV2Page, { path: `/v2/policies?${query}`, token, call });
    policies.push(...answer.policies);
    start = answer.next?.start;

    if (start === undefined) {
      break;
    }
  }

  return policies;
}

/** `GET /v2/groups`, all pages: the access groups of the token's owner. @throws IbmCloudError */
export async function listAccessGroups(get: Get, token: IamToken, call: CallOptions): Promise<AccessGroup[]> {
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
    const answer = await get(accessGroupPage, { path: `/v2/groups?${query}`, token, call });
    groups.push(...answer.groups);

    if (answer.next?.href === undefined) {
      break;
    }
  }

  return groups;
}
