/** The services that have key manager instances. */
export type ServiceName = "kms" | "hs-crypto";

/** Roles over an instance as a resource of the account. */
export const platformRoles = ["Viewer", "Operator", "Editor", "Administrator"] as const;
export type PlatformRole = (typeof platformRoles)[number];

/** Roles over what is inside an instance. */
export const serviceRoles = [
  "Reader",
  "ReaderPlus",
  "Writer",
  "Manager",
  "KeyPurge",
  "KmipAdapterManager",
  "VMwareKMIPManager",
] as const;
export type ServiceRole = (typeof serviceRoles)[number];

/** Of this role IBM tells that KMIP for VMware needs it; here it may do what that does with keys, and no more. */
const kmip = "VMwareKMIPManager";
const readers = ["Reader", "ReaderPlus", "Writer", "Manager", kmip] as const;
const writers = ["Writer", "Manager"] as const;
const managers = ["Manager"] as const;
const kmipManagers = ["Manager", "KmipAdapterManager"] as const;

/**
 * Which service roles may do what, by IBM's table of service access roles (Key Protect documentation, "User roles
 * and resources"). IBM's names of the actions, without the service's prefix.
 */
export const kmsActions = {
  "secrets.list": readers,
  "secrets.head": readers,
  "secrets-metadata.read": readers,
  "secrets-key-versions.list": readers,
  "secrets.wrap": readers,
  "secrets.unwrap": readers,
  "secrets.rewrap": readers,
  "secrets.read": ["ReaderPlus", "Writer", "Manager", kmip],
  "secrets.create": ["Writer", "Manager", kmip],
  "secrets.rotate": writers,
  "secrets.setkeyfordeletion": writers,
  "secrets.unsetkeyfordeletion": writers,
  "secrets.sync": writers,
  "secrets-alias.create": writers,
  "secrets-alias.delete": writers,
  "secrets.disable": managers,
  "secrets.enable": managers,
  "secrets.delete": ["Manager", kmip],
  "secrets.restore": managers,
  "secrets.patch": managers,
  "secrets.purge": ["KeyPurge"],
  "key-rings.list": readers,
  "key-rings.create": writers,
  "key-rings.delete": managers,
  "policies.read": managers,
  "policies.write": managers,
  "instance-policies.read": ["Manager", kmip],
  "instance-policies.write": managers,
  "import-token.create": writers,
  "import-token.read": writers,
  "registrations.list": readers,
  "kmip-management.create": kmipManagers,
  "kmip-management.list": kmipManagers,
  "kmip-management.read": kmipManagers,
  "kmip-management.delete": kmipManagers,
} as const satisfies Record<string, readonly ServiceRole[]>;
export type KmsAction = keyof typeof kmsActions;

/** CRN of a platform role. */
export function platformRoleCrn(role: PlatformRole): string {
  return `crn:v1:bluemix:public:iam::::role:${role}`;
}

/** CRN of a service role: the three common ones belong to IAM, the others to the service that has them. */
export function serviceRoleCrn(role: ServiceRole, service: ServiceName): string {
  const owner = role === "Reader" || role === "Writer" || role === "Manager" ? "iam" : service;

  return `crn:v1:bluemix:public:${owner}::::serviceRole:${role}`;
}

/** The action of seeing an instance among the account's resources. */
export const RETRIEVE_INSTANCE = "resource-controller.instance.retrieve";

/** CRN of a role that an account made itself. */
export function customRoleCrn(role: { accountId: string; name: string }): string {
  return `crn:v1:ibmcloud:public:iam-access-management::a/${role.accountId}::customRole:${role.name}`;
}

/** A role as a policy grants it. */
export type GrantedRole = { level: "platform"; name: PlatformRole } | { level: "service"; name: ServiceRole };

/** Roles that were read before; every request is checked against all of its caller's policies. */
const parsed = new Map<string, GrantedRole | undefined>();
const MAX_PARSED = 1000;

/**
 * Reads a role CRN. HPCS' documentation writes even Viewer as a `serviceRole` of `hs-crypto`; both forms are
 * understood. undefined for custom roles and roles that mean nothing to a key manager.
 */
export function parseRoleCrn(crn: string, service: ServiceName): GrantedRole | undefined {
  const key = `${service} ${crn}`;
  if (parsed.has(key)) {
    return parsed.get(key);
  }
  const role = readRoleCrn(crn, service);
  if (parsed.size >= MAX_PARSED) {
    parsed.clear();
  }
  parsed.set(key, role);

  return role;
}

function readRoleCrn(crn: string, service: ServiceName): GrantedRole | undefined {
  const segments = crn.split(":");
  const owner = segments[4];
  const name = segments[9];
  if (owner !== "iam" && owner !== service) {
    return undefined;
  }
  const platform = platformRoles.find((role) => role === name);
  if (platform) {
    return { level: "platform", name: platform };
  }
  const serviceRole = serviceRoles.find((role) => role === name);

  return serviceRole && segments[8] === "serviceRole" ? { level: "service", name: serviceRole } : undefined;
}
