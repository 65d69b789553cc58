import { type Actor, requireRole } from "@/lib/core/actor";
import type { CallOptions } from "@/lib/ibm-cloud/deadline";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { type IamToken, withToken } from "@/lib/ibm-cloud/iam";
import { chooseEndpoint, type ResourceInstance } from "@/lib/ibm-cloud/resource-controller";
import { createKeyManager } from "@/lib/key-managers/create-key-manager";
import { KeyManagerError, type KeyManagerKind } from "@/lib/key-managers/key-manager";
import { KEY_SERVICES, requireApiKey } from "./credentials";
import { discoverTokens } from "./discover-tokens";
import { type IbmCloud, ibmCloud } from "./ibm-cloud";
import { toAppError } from "./to-app-error";

export type DiscoveredKeyManager = {
  readonly crn: string;
  readonly guid: string;
  readonly name: string;
  readonly region: string;
  readonly endpoints: { readonly public: string | null; readonly private: string | null };
};

export type Discovery = {
  /** Null when the API key is a user's, and for tokens. */
  readonly serviceId: string | null;
  readonly serviceIdName: string | null;
  readonly keyManagers: DiscoveredKeyManager[];
  /** HPCS instances that the service ID sees but that cannot be used, and why. */
  readonly notOffered: {
    readonly crn: string;
    readonly name: string;
    readonly reason: "NO_ROOT_KEY" | "FORBIDDEN" | "UNAVAILABLE";
  }[];
};

/**
 * "Retrieve": the key manager instances that an API key can see, by name. Of HPCS only instances with at least one
 * root key are offered. For PKCS#11: the tokens of the configured modules; no PIN is needed.
 * @param input.apiKey API key of the service ID; kept nowhere
 * @param input.region only instances of this region, e.g. `us-south`
 * @throws AppError FORBIDDEN (role operator), VALIDATION_FAILED, NOT_AVAILABLE, KEY_MANAGER_*
 */
export async function discoverKeyManagers(
  actor: Actor,
  input: { kind: KeyManagerKind; apiKey?: string | undefined; region?: string | undefined },
  cloud: IbmCloud = ibmCloud(),
): Promise<Discovery> {
  requireRole(actor, "operator");

  if (input.kind === "pkcs11") return discoverTokens(actor);

  const { kind } = input;
  const apiKey = requireApiKey(input.apiKey);
  const tokenSource = cloud.iam.tokenSource(apiKey);
  const call: CallOptions = { correlationId: actor.requestId };

  try {
    const all = await withToken(tokenSource, call, (token) =>
      cloud.resourceController.listInstances(token, KEY_SERVICES[kind], call),
    );
    const described = await describeServiceId(cloud, await tokenSource.token(call), call);
    const owner = { serviceId: described?.id ?? null, serviceIdName: described?.name ?? null };
    const visible = all
      .filter((instance) => instance.state === "active")
      .filter((instance) => input.region === undefined || instance.region === input.region)
      .sort((a, b) => a.name.localeCompare(b.name) || a.guid.localeCompare(b.guid));

    if (kind === "key-protect") {
      return { ...owner, keyManagers: visible.map(toDiscovered), notOffered: [] };
    }

    const checked = await Promise.all(
      visible.map(async (instance) => {
        const endpoint = chooseEndpoint(instance.endpoints, cloud.endpointType);

        if (endpoint === null) {
          return { instance, reason: "UNAVAILABLE" as const };
        }

        const keyManager = createKeyManager({ kind, endpoint, instanceGuid: instance.guid, tokenSource });
        const reason = await whyUnusable(() => keyManager.listRootKeys({ limit: 1 }, call));

        return { instance, reason };
      }),
    );

    return {
      ...owner,
      keyManagers: checked
        .filter(({ reason }) => reason === null)
        .map(({ instance }) => toDiscovered(instance)),
      notOffered: checked.flatMap(({ instance, reason }) =>
        reason === null ? [] : [{ crn: instance.crn, name: instance.name, reason }],
      ),
    };
  } catch (error) {
    throw toAppError(error);
  }
}

async function whyUnusable(
  listOne: () => Promise<{ items: readonly unknown[] }>,
): Promise<"NO_ROOT_KEY" | "FORBIDDEN" | "UNAVAILABLE" | null> {
  try {
    const { items } = await listOne();

    return items.length === 0 ? "NO_ROOT_KEY" : null;
  } catch (error) {
    if (!(error instanceof KeyManagerError)) {
      throw error;
    }

    return error.failure === "forbidden" ? "FORBIDDEN" : "UNAVAILABLE";
  }
}

function toDiscovered(instance: ResourceInstance): DiscoveredKeyManager {
  return {
    crn: instance.crn,
    guid: instance.guid,
    name: instance.name,
    region: instance.region,
    endpoints: instance.endpoints,
  };
}

/**
 * Id and name of the service ID behind a token; null for a user's. Without the right to read the service ID itself,
 * the token's claim names it.
 * @throws IbmCloudError when IAM is out of reach
 */
export async function describeServiceId(
  cloud: IbmCloud,
  token: IamToken,
  call: CallOptions,
): Promise<{ id: string; name: string } | null> {
  const { serviceId, name } = token.identity;

  if (serviceId === null) {
    return null;
  }

  try {
    const details = await cloud.iam.getServiceId(token, serviceId, call);

    return { id: serviceId, name: details.name };
  } catch (error) {
    if (error instanceof IbmCloudError && (error.failure === "forbidden" || error.failure === "notFound")) {
      return { id: serviceId, name: name ?? serviceId };
    }

    throw error;
  }
}
