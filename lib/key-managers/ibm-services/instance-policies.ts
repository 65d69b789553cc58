import type { InstancePolicy } from "../key-protect/wire";
import type { IbmVerdict } from "./verdicts";

/** Attributes of keyCreateImportAccess, with the value that the service assumes when one is not set. */
const CREATE_IMPORT_DEFAULTS = {
  create_root_key: true,
  create_standard_key: true,
  import_root_key: true,
  import_standard_key: true,
  enforce_token: false,
} as const;

/**
 * Whether the instance policies let KEKs be kept as standard keys. A KEK's payload is given, so to the key manager it is
 * an import; both switches for standard keys must be on. `command` of the finding sends the policy back with only those
 * two changed. Then the policies on who is let in, and on deletion.
 * @param usesPublicEndpoint whether calls come over the instance's public endpoint
 */
export function judgeInstancePolicies(
  policies: readonly InstancePolicy[],
  usesPublicEndpoint = false,
): IbmVerdict {
  const access = policies.find((policy) => policy.type === "keyCreateImportAccess");

  if (access?.enabled) {
    const attributes = Object.fromEntries(
      Object.entries(CREATE_IMPORT_DEFAULTS).map(([name, standard]) => {
        const value = access.attributes[name];

        return [name, typeof value === "boolean" ? value : standard];
      }),
    );
    const blocked = ["create_standard_key", "import_standard_key"].filter(
      (name) => attributes[name] === false,
    );

    if (blocked.length > 0) {
      return {
        code: "STANDARD_KEYS_BLOCKED",
        params: {
          attributes: blocked.map((name) => `${name} is off`).join(", "),
          policy: JSON.stringify({
            metadata: { collectionType: "application/vnd.ibm.kms.policy+json", collectionTotal: 1 },
            resources: [
              {
                policy_type: "keyCreateImportAccess",
                policy_data: {
                  enabled: true,
                  attributes: { ...attributes, create_standard_key: true, import_standard_key: true },
                },
              },
            ],
          }),
        },
      };
    }
  }

  const isOn = (type: string) => policies.find((policy) => policy.type === type && policy.enabled);

  // It answered this once, but changed policies take a while to hold everywhere.
  if (usesPublicEndpoint && isOn("allowedNetwork")?.attributes.allowed_network === "private-only") {
    return { code: "NETWORK_POLICY_BLOCKS" };
  }

  if (isOn("dualAuthDelete")) {
    return { code: "DUAL_AUTH_DELETE_ON" };
  }

  const addresses = isOn("allowedIP")?.attributes.allowed_ip;

  return Array.isArray(addresses)
    ? { code: "ADDRESS_POLICY_ON", params: { addresses: addresses.slice(0, 20).map(String).join(", ") } }
    : { code: "STANDARD_KEYS_ALLOWED" };
}
