import { z } from "zod";

import { toStoredDate, toWireDate } from "../clock";
import type { SandboxContext } from "../context";
import type { SandboxResponse } from "../http/types";
import { type InstancePolicyRecord, scopedId } from "../store/model";
import { put } from "../store/store";
import {
  checkFields,
  collection,
  type KmsCall,
  mediaTypes,
  noContent,
  requireAction,
  requiredResources,
} from "./call";
import { kmsError } from "./errors";

const WHAT = "Instance policy could not be created";

const attributesOf = {
  allowedNetwork: z.strictObject({ allowed_network: z.enum(["public-and-private", "private-only"]) }),
  allowedIP: z.strictObject({ allowed_ip: z.array(z.string()).min(1) }),
  keyCreateImportAccess: z.strictObject({
    create_root_key: z.boolean().default(true),
    create_standard_key: z.boolean().default(true),
    import_root_key: z.boolean().default(true),
    import_standard_key: z.boolean().default(true),
    enforce_token: z.boolean().default(false),
  }),
  rotation: z.strictObject({ interval_month: z.number().int().min(1).max(12) }),
} as const;

function policySchema<T extends string, A extends z.ZodType>(type: T, attributes: A) {
  return z.strictObject({
    type: z.string().optional(),
    policy_type: z.literal(type),
    policy_data: z.strictObject({ enabled: z.boolean(), attributes: attributes.optional() }),
  });
}

const policySchemas = z.discriminatedUnion("policy_type", [
  policySchema("dualAuthDelete", z.strictObject({})),
  policySchema("metrics", z.strictObject({})),
  policySchema("allowedNetwork", attributesOf.allowedNetwork),
  policySchema("allowedIP", attributesOf.allowedIP),
  policySchema("keyCreateImportAccess", attributesOf.keyCreateImportAccess),
  policySchema("rotation", attributesOf.rotation),
]);
type InstancePolicyType = z.infer<typeof policySchemas>["policy_type"];

const typeSchema = z.object({ policy_type: z.string() });

function view(policy: InstancePolicyRecord): Record<string, unknown> {
  return {
    policy_type: policy.type,
    policy_data: {
      enabled: policy.enabled,
      ...(policy.attributes ? { attributes: policy.attributes } : {}),
    },
    createdBy: policy.createdBy,
    creationDate: toWireDate(policy.createdAt),
    updatedBy: policy.updatedBy,
    lastUpdated: toWireDate(policy.updatedAt),
  };
}

function policiesOf(context: SandboxContext, instanceId: string): InstancePolicyRecord[] {
  return context.store.list("instance-policy").filter((policy) => policy.instanceId === instanceId);
}

/** `GET /instance/policies[?policy=]`: the policies that were set. Only a Manager may read them. */
export function getInstancePolicies(call: KmsCall): SandboxResponse {
  requireAction(call, "instance-policies.read");
  const type = call.request.query.get("policy");
  const found = policiesOf(call.context, call.instance.guid).filter(
    (policy) => type === null || policy.type === type,
  );

  return collection(200, mediaTypes.policy, found.map(view));
}

/**
 * `PUT /instance/policies[?policy=]`: sets one policy, or without the query several. They are kept and shown;
 * in force are `dualAuthDelete`, `rotation` (both for keys made afterwards) and `keyCreateImportAccess`. The two
 * network policies are not enforced: a local service has no public and private network.
 */
export function putInstancePolicies(call: KmsCall): SandboxResponse {
  requireAction(call, "instance-policies.write");
  const { store, clock } = call.context;
  const resources = requiredResources(call, WHAT);
  const wanted = call.request.query.get("policy");
  if (wanted !== null && resources.length !== 1) {
    throw kmsError("NUM_COLLECTION_RESOURCE_ERR", { what: WHAT });
  }
  const policies = resources.map((resource) => {
    const type = typeSchema.safeParse(resource).data?.policy_type;
    if (wanted !== null && type !== wanted) {
      throw kmsError("BODY_QUERY_PARAM_MISMATCH_ERR", { what: WHAT });
    }
    return checkFields(policySchemas, resource, WHAT);
  });
  if (new Set(policies.map((policy) => policy.policy_type)).size !== policies.length) {
    throw kmsError("BAD_BODY_ERR", { what: WHAT, message: "Each policy may be given once." });
  }
  const now = toStoredDate(clock.now());
  store.commit(
    ...policies.map(({ policy_type: type, policy_data: data }) => {
      const id = scopedId(call.instance.guid, type);
      const before = store.get("instance-policy", id);
      const defaults =
        type === "keyCreateImportAccess" ? attributesOf.keyCreateImportAccess.parse({}) : undefined;
      // Attributes of a policy that is switched off are not kept (SDK documentation of policy_data.enabled).
      const attributes = data.enabled ? (data.attributes ?? defaults) : undefined;
      return put("instance-policy", id, {
        instanceId: call.instance.guid,
        type,
        enabled: data.enabled,
        ...(attributes ? { attributes } : {}),
        createdAt: before?.createdAt ?? now,
        createdBy: before?.createdBy ?? call.caller.iamId,
        updatedAt: now,
        updatedBy: call.caller.iamId,
      });
    }),
  );

  return noContent;
}

/**
 * `GET /instance/allowed_ip_port`: the port of the private endpoint under an allowed IP policy. The sandbox does
 * not enforce that policy and so has no such port.
 */
export function getAllowedIpPort(call: KmsCall): SandboxResponse {
  requireAction(call, "instance-policies.read");

  return collection(200, mediaTypes.allowedIpPort, []);
}

function enabledPolicy(
  context: SandboxContext,
  instanceId: string,
  type: InstancePolicyType,
): InstancePolicyRecord | undefined {
  const policy = context.store.get("instance-policy", scopedId(instanceId, type));

  return policy?.enabled ? policy : undefined;
}

/** What the instance's policies give to a key that is made now. */
export function policyDefaults(
  context: SandboxContext,
  instanceId: string,
): { dualAuthDelete: boolean; rotationMonths: number | undefined } {
  const rotation = enabledPolicy(context, instanceId, "rotation");

  return {
    dualAuthDelete: enabledPolicy(context, instanceId, "dualAuthDelete") !== undefined,
    rotationMonths: attributesOf.rotation.safeParse(rotation?.attributes).data?.interval_month,
  };
}

/** Refuses (409) what the policy on making and importing keys forbids. */
export function requireCreateAccess(
  context: SandboxContext,
  instanceId: string,
  key: { extractable: boolean; imported: boolean; withToken: boolean },
): void {
  const policy = enabledPolicy(context, instanceId, "keyCreateImportAccess");
  if (!policy) {
    return;
  }
  const access = attributesOf.keyCreateImportAccess.parse(policy.attributes ?? {});
  const allowed = key.imported
    ? (!access.enforce_token || key.withToken) &&
      (key.extractable ? access.import_standard_key : access.import_root_key)
    : key.extractable
      ? access.create_standard_key
      : access.create_root_key;
  if (!allowed) {
    throw kmsError("KEY_CREATE_IMPORT_ACCESS_ERR", { what: "Key could not be created" });
  }
}
