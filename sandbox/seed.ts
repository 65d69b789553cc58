import { randomBytes, randomUUID } from "node:crypto";

import { toStoredDate } from "./clock";
import type { SandboxContext } from "./context";
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
/** The source of HPCS' service authorization for KMIP. */
const KMIP_SERVICE_NAME = "vmware-solutions";
const SEED_ID = "seed";

/** Names by which the seeded service IDs are found again. */
export const seededServiceIds = { manager: "manager", viewerOnly: "viewerOnly" } as const;

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
    id,
    material,
    frame.now,
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

function policy(
  frame: SeedFrame,
  type: PolicyRecord["type"],
  description: string,
  subject: PolicyAttribute[],
  instance: ResourceInstanceRecord,
  roles: string[],
): PolicyRecord {
  return {
    id: randomUUID(),
    type,
    description,
    accountId: frame.account.id,
    subject,
    roles,
    resource: [
      equals("accountId", frame.account.id),
      equals("serviceName", instance.serviceName),
      equals("serviceInstance", instance.guid),
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
 * `viewerOnly` with Viewer on both; the authorization that lets VMware's KMIP use the HPCS instance. It is one
 * change, so that a crash leaves all of it or nothing. A store that was filled before stays as it is.
 */
export function seedOnce(context: SandboxContext): void {
  if (context.store.get("seed", SEED_ID)) return;
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
    policy(frame, "access", `${instance.name}: manager`, [equals("iam_id", manager.iamId)], instance, [
      viewer,
      serviceRoleCrn("Manager", instance.serviceName),
    ]),
    policy(frame, "access", `${instance.name}: viewerOnly`, [equals("iam_id", viewerOnly.iamId)], instance, [
      viewer,
    ]),
  ]);
  const authorization = policy(
    frame,
    "authorization",
    "KMIP for VMware may use the HPCS instance",
    [equals("accountId", account.id), equals("serviceName", KMIP_SERVICE_NAME)],
    hpcs,
    [viewer, serviceRoleCrn("VMwareKMIPManager", "hs-crypto")],
  );

  context.store.commit(
    put("account", account.id, account),
    put("resource-instance", keyProtect.guid, keyProtect),
    put("resource-instance", hpcs.guid, hpcs),
    ...rings.map((ring) => put("key-ring", scopedId(ring.instanceId, ring.id), ring)),
    ...keys.map((key) => put("key", key.id, key)),
    ...manager.changes,
    ...viewerOnly.changes,
    ...[...policies, authorization].map((record) => put("policy", record.id, record)),
    put("seed", SEED_ID, { version: 1, seededAt: now, rootKeyIds: keys.map(({ id }) => id) }),
  );
}
