import { toWireDate } from "./clock";
import type { SandboxContext } from "./context";
import { type Service, troubleStatus } from "./http/app";
import { compileRoutes } from "./http/router";
import { ResponseError, type SandboxRequest, type SandboxResponse } from "./http/types";
import { mayViewInstance } from "./iam/authorization";
import type { Caller } from "./iam/caller";
import { requireCaller } from "./iam/service";
import type { TokenIssuer } from "./iam/token-issuer";
import type { ResourceInstanceRecord } from "./store/model";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;

/** CRN of a key manager instance. */
export function instanceCrn(instance: ResourceInstanceRecord): string {
  return `crn:v1:bluemix:public:${instance.serviceName}:${instance.region}:a/${instance.accountId}:${instance.guid}::`;
}

/**
 * Path under which a key manager instance is served, in the place of its host name: Key Protect has a host a
 * region and tells instances apart by the `Bluemix-Instance` header, HPCS a host an instance.
 */
function instancePath(instance: ResourceInstanceRecord): string {
  return instance.serviceName === "kms" ? `/key-protect/${instance.region}` : `/hpcs/${instance.guid}`;
}

function refuse(status: number, code: string, message: string): ResponseError {
  return new ResponseError(code, {
    status,
    body: { errors: [{ code, message }], error_code: code, message, status_code: status },
  });
}

function instanceView(context: SandboxContext, instance: ResourceInstanceRecord): Record<string, unknown> {
  const crn = instanceCrn(instance);
  const endpoint = `${context.baseUrl()}${instancePath(instance)}`;
  const created = toWireDate(instance.createdAt);

  return {
    id: crn,
    guid: instance.guid,
    url: `/v2/resource_instances/${instance.guid}`,
    created_at: created,
    updated_at: created,
    deleted_at: null,
    created_by: instance.createdBy,
    name: instance.name,
    region_id: instance.region,
    account_id: instance.accountId,
    resource_plan_id: instance.resourcePlanId,
    resource_group_id: instance.resourceGroupId,
    resource_group_crn: `crn:v1:bluemix:public:resource-controller::a/${instance.accountId}::resource-group:${instance.resourceGroupId}`,
    target_crn: `crn:v1:bluemix:public:globalcatalog::::deployment:${instance.resourcePlanId}%3A${instance.region}`,
    crn,
    state: "active",
    type: "service_instance",
    ...(instance.serviceName === "kms" ? { sub_type: "kms" } : {}),
    resource_id: instance.resourceId,
    dashboard_url: null,
    last_operation: {
      type: "create",
      state: "succeeded",
      description: "Completed create instance operation",
    },
    allow_cleanup: false,
    locked: false,
    // A local service has one network: what is public and private at IBM Cloud is the same address here.
    extensions: { endpoints: { public: endpoint, private: endpoint } },
  };
}

function visibleInstances(context: SandboxContext, caller: Caller): ResourceInstanceRecord[] {
  return context.store
    .list("resource-instance")
    .filter((instance) => mayViewInstance(context.store, caller, instance));
}

/** `GET /v2/resource_instances`: the instances that the caller has a platform role on, filtered by the query. */
function listInstances(context: SandboxContext, request: SandboxRequest, caller: Caller): SandboxResponse {
  const { query } = request;
  const limit = Number(query.get("limit") ?? DEFAULT_LIMIT);
  const start = Number(query.get("start") ?? 0);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw refuse(400, "RC-BadRequest", `'limit' must be a number from 1 to ${MAX_LIMIT}.`);
  }
  if (!Number.isInteger(start) || start < 0) {
    throw refuse(400, "RC-BadRequest", "'start' is not a token of this list.");
  }
  const filters = [
    "guid",
    "name",
    "resource_group_id",
    "resource_id",
    "resource_plan_id",
    "type",
    "sub_type",
    "state",
  ];
  const found = visibleInstances(context, caller)
    .map((instance) => instanceView(context, instance))
    .filter((view) => filters.every((name) => !query.has(name) || view[name] === query.get(name)));
  const next = new URLSearchParams(query);
  next.set("start", String(start + limit));
  const resources = found.slice(start, start + limit);

  return {
    status: 200,
    body: {
      rows_count: resources.length,
      next_url: start + limit < found.length ? `/v2/resource_instances?${next}` : null,
      resources,
    },
  };
}

/** `GET /v2/resource_instances/{id}`: by GUID or by CRN. 404 if there is none, 403 without a platform role. */
function getInstance(context: SandboxContext, id: string, caller: Caller): SandboxResponse {
  const instance = context.store
    .list("resource-instance")
    .find((candidate) => candidate.guid === id || instanceCrn(candidate) === id);
  if (instance?.accountId !== caller.accountId) {
    throw refuse(404, "RC-ServiceInstanceNotFound", "The resource instance was not found.");
  }
  if (!mayViewInstance(context.store, caller, instance)) {
    throw refuse(403, "RC-IamFailure", "You have no access to this resource instance.");
  }

  return { status: 200, body: instanceView(context, instance) };
}

/** The resource controller, as far as it finds key manager instances and their endpoints. */
export function resourceControllerService(issuer: TokenIssuer): Service {
  const find = compileRoutes<SandboxContext>([
    {
      method: "GET",
      pattern: "/v2/resource_instances",
      handler: async (context, request) =>
        listInstances(context, request, await requireCaller(context, issuer, request)),
    },
    {
      method: "GET",
      pattern: "/v2/resource_instances/:id",
      handler: async (context, request, { id = "" }) =>
        getInstance(context, id, await requireCaller(context, issuer, request)),
    },
  ]);

  return {
    name: "resource-controller",
    owns: ([version, collection]) => version === "v2" && collection === "resource_instances",
    find,
    trouble: (trouble) => refuse(troubleStatus[trouble], `RC-${trouble}`, "The request failed.").response,
    fault: (_request, status, code = "RC-Fault") =>
      refuse(status, code, "The request could not be handled.").response,
  };
}
