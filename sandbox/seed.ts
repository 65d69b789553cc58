import { randomBytes, randomUUID } from "node:crypto";

import { toStoredDate } from "./clock";
import type { SandboxContext } from "./context";
import { KMIP_SERVICE_NAME } from "./iam/resource-identity";
import { platformRoleCrn, type ServiceName, serviceRoleCrn } from "./iam/roles";
import { sealVersion } from "./kms/key-material";
import { DEFAULT_RING } from "./kms/rings";
import type {
  AccountRecord,
  KeyRecord,
  KeyRingRecord,
  PolicyAttribute,
  PolicyRecord,
  ResourceInstanceRecord,
} from "./store/model";
import { scopedId } from "./store/model";
import { put } from "./store/store";
import { hashApiKey } from "./store/vault";

const REGION = "us-south";
/** The extra key ring of the Key Protect instance, with the second root key. */
const VMWARE_RING = "vmware";
/** Key Protect's identifier in IBM's global catalog (Terraform provider). */
const KEY_PROTECT_RESOURCE_ID = "ee41347f-b18e-4ca6-bf80-b5467c63f9a6";
const SEED_ID = "seed";

/** Names by which the seeded service IDs are found again. */
export const seededServiceIds = {
  manager: "manager",
  viewerOnly: "viewerOnly",
  deployment: "deployment",
  administrator: "administrator",
} as const;

function equals(key: string, value: string): PolicyAttribute {
  return { key, operator: "stringEquals", value };
}

/** What all records that are made together have in common. */
export interface SeedFrame {
  context: SandboxContext;
  account: AccountRecord;
  now: string;
  createdBy: string;
}

/** A new key manager instance without anything in it. */
export function resourceInstance(
  frame: SeedFrame,
  serviceName: ServiceName,
  name: string,
  region = REGION,
): ResourceInstanceRecord {
  const sibling = frame.context.store
    .list("resource-instance")
    .find((instance) => instance.serviceName === serviceName);

  return {
    guid: randomUUID(),
    serviceName,
    name,
    region,
    accountId: frame.account.id,
    resourceGroupId: frame.account.resourceGroupId,
    // HPCS' identifier is not documented; the sandbox's is its own, and clients go by the CRN.
    resourceId: serviceName === "kms" ? KEY_PROTECT_RESOURCE_ID : (sibling?.resourceId ?? randomUUID()),
    resourcePlanId: sibling?.resourcePlanId ?? randomUUID(),
    createdAt: frame.now,
    createdBy: frame.createdBy,
  };
}

/** A new root key of an instance. */
export function rootKey(
  frame: SeedFrame,
  instance: ResourceInstanceRecord,
  name: string,
  ring: string,
): KeyRecord {
  const id = randomUUID();
  const material = randomBytes(32);
  const version = sealVersion(
    frame.context.vault,
    { instanceId: instance.guid, id },
    { id, createdAt: frame.now },
    material,
  );
  material.fill(0);

  return {
    id,
    instanceId: instance.guid,
    name,
    tags: [],
    aliases: [],
    extractable: false,
    imported: false,
    state: 1,
    keyRingId: ring,
    bitLength: 256,
    createdAt: frame.now,
    createdBy: frame.createdBy,
    updatedAt: frame.now,
    versions: [version],
    dualAuthDelete: { enabled: false },
  };
}

/** A key ring of an instance. */
export function keyRing(frame: SeedFrame, instance: ResourceInstanceRecord, id: string): KeyRingRecord {
  return { id, instanceId: instance.guid, createdAt: frame.now, createdBy: frame.createdBy };
}

/** Roles that an identity gets on an instance, or on all instances of a service. */
interface GrantedAccess {
  description: string;
  iamId: string;
  target: Pick<ResourceInstanceRecord, "serviceName" | "guid"> | { serviceName: string };
  roles: string[];
}

function accessPolicy(frame: SeedFrame, { description, iamId, target, roles }: GrantedAccess): PolicyRecord {
  return {
    id: randomUUID(),
    type: "access",
    description,
    accountId: frame.account.id,
    subject: [equals("iam_id", iamId)],
    roles,
    resource: [
      equals("accountId", frame.account.id),
      equals("serviceName", target.serviceName),
      ...("guid" in target ? [equals("serviceInstance", target.guid)] : []),
    ],
    state: "active",
    createdAt: frame.now,
    createdBy: frame.createdBy,
    modifiedAt: frame.now,
  };
}

/** A new service ID with an API key. */
export function serviceIdChanges(frame: SeedFrame, name: string, description: string) {
  const id = `ServiceId-${randomUUID()}`;
  const iamId = `iam-${id}`;
  const apiKeyId = `ApiKey-${randomUUID()}`;
  const common = { iamId, accountId: frame.account.id, createdAt: frame.now };
  const changes = [
    put("service-id", id, { id, name, description, ...common }),
    put("api-key", apiKeyId, {
      id: apiKeyId,
      name: `${name}-key`,
      description: `API key of the service ID ${name}`,
      sha256: hashApiKey(frame.context.vault.deriveApiKey(apiKeyId)),
      disabled: false,
      locked: false,
      ...common,
    }),
  ];

  return { id, iamId, apiKeyId, changes };
}

/**
 * Fills an empty store: one account; a Key Protect instance with two root keys (one in the ring `default`, one in
 * `vmware`); an HPCS instance with one; the service ID `manager` with Viewer and Manager on both; the service ID
 * `viewerOnly` with Viewer on both. It is one change, so that a crash leaves all of it or nothing. A store that was
 * filled before stays as it is.
 */
export function seedOnce(context: SandboxContext): void {
  if (context.store.get("seed", SEED_ID)) {
    return;
  }
  const now = toStoredDate(context.clock.now());
  const account: AccountRecord = {
    id: randomBytes(16).toString("hex"),
    name: "Sandbox account",
    resourceGroupId: randomBytes(16).toString("hex"),
    createdAt: now,
  };
  const frame: SeedFrame = { context, account, now, createdBy: "IBMid-sandbox" };
  const keyProtect = resourceInstance(frame, "kms", "Key Protect sandbox");
  const hpcs = resourceInstance(frame, "hs-crypto", "Hyper Protect Crypto Services sandbox");
  const manager = serviceIdChanges(frame, seededServiceIds.manager, "Viewer and Manager on both instances");
  const viewerOnly = serviceIdChanges(frame, seededServiceIds.viewerOnly, "Viewer on both instances");
  const keys = [
    rootKey(frame, keyProtect, "vmware-root-key", DEFAULT_RING),
    rootKey(frame, keyProtect, "vmware-root-key-2", VMWARE_RING),
    rootKey(frame, hpcs, "hpcs-root-key", DEFAULT_RING),
  ];
  const rings = [
    keyRing(frame, keyProtect, DEFAULT_RING),
    keyRing(frame, keyProtect, VMWARE_RING),
    keyRing(frame, hpcs, DEFAULT_RING),
  ];
  const viewer = platformRoleCrn("Viewer");
  const policies = [keyProtect, hpcs].flatMap((instance) => [
    accessPolicy(frame, {
      description: `${instance.name}: manager`,
      iamId: manager.iamId,
      target: instance,
      roles: [viewer, serviceRoleCrn("Manager", instance.serviceName)],
    }),
    accessPolicy(frame, {
      description: `${instance.name}: viewerOnly`,
      iamId: viewerOnly.iamId,
      target: instance,
      roles: [viewer],
    }),
  ]);
  context.store.commit(
    put("account", account.id, account),
    put("resource-instance", keyProtect.guid, keyProtect),
    put("resource-instance", hpcs.guid, hpcs),
    ...rings.map((ring) => put("key-ring", scopedId(ring.instanceId, ring.id), ring)),
    ...keys.map((key) => put("key", key.id, key)),
    ...manager.changes,
    ...viewerOnly.changes,
    ...policies.map((record) => put("policy", record.id, record)),
    put("seed", SEED_ID, { version: 1, seededAt: now, rootKeyIds: keys.map(({ id }) => id) }),
  );
}

/**
 * Adds what service authorizations need, to stores of earlier versions too: the service ID `deployment`, which may act
 * for the instances of VMware's KMIP and sees the HPCS instance; the service ID `administrator`, Administrator of both
 * instances, who makes authorizations.
 */
export function seedAuthorizationsOnce(context: SandboxContext): void {
  const { store } = context;
  const [account] = store.list("account");
  if (!account || store.list("service-id").some(({ name }) => name === seededServiceIds.deployment)) {
    return;
  }
  const frame: SeedFrame = {
    context,
    account,
    now: toStoredDate(context.clock.now()),
    createdBy: "IBMid-sandbox",
  };
  const deployment = serviceIdChanges(
    frame,
    seededServiceIds.deployment,
    "Acts for KMIP for VMware instances",
  );
  const administrator = serviceIdChanges(frame, seededServiceIds.administrator, "Makes authorizations");
  const instances = store.list("resource-instance");
  const policies = [
    accessPolicy(frame, {
      description: "deployment acts for KMIP for VMware",
      iamId: deployment.iamId,
      target: { serviceName: KMIP_SERVICE_NAME },
      roles: [platformRoleCrn("Operator")],
    }),
    ...instances
      .filter(({ serviceName }) => serviceName === "hs-crypto")
      .map((instance) =>
        accessPolicy(frame, {
          description: `${instance.name}: deployment`,
          iamId: deployment.iamId,
          target: instance,
          roles: [platformRoleCrn("Viewer")],
        }),
      ),
    ...instances.map((instance) =>
      accessPolicy(frame, {
        description: `${instance.name}: administrator`,
        iamId: administrator.iamId,
        target: instance,
        roles: [platformRoleCrn("Administrator")],
      }),
    ),
  ];
  store.commit(
    ...deployment.changes,
    ...administrator.changes,
    ...policies.map((record) => put("policy", record.id, record)),
  );
}
