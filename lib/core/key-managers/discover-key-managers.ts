import { type Actor, requireRole } from "@/lib/core/actor";
import { authorizationCommand } from "@/lib/core/permissions/findings";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { type IamToken, type TokenSource, withToken } from "@/lib/ibm-cloud/iam";
import { chooseEndpoint, type ResourceInstance } from "@/lib/ibm-cloud/resource-controller";
import { createKeyManager } from "@/lib/key-managers/create-key-manager";
import { KeyManagerError, type KeyManagerKind } from "@/lib/key-managers/key-manager";
import type { CallOptions } from "@/lib/resilience/deadline";
import { KEY_SERVICES, requireApiKey } from "./credentials";
import { deploymentApiKey } from "./deployment-identity";
import { discoverTokens } from "./discover-tokens";
import { type IbmCloud, ibmCloud } from "./ibm-cloud";
import { takenKeyManagers } from "./taken-key-managers";
import { toAppError } from "./to-app-error";
import { isByAuthorization, type KeyManagerCredentials, tokenSourceOf } from "./token-source";

export type DiscoveredKeyManager = {
  readonly crn: string;
  readonly guid: string;
  readonly name: string;
  readonly region: string;
  readonly endpoints: { readonly public: string | null; readonly private: string | null };
};

/**
 * `IN_USE`: it has a KMIP instance already, and can have one only. `NOT_AUTHORIZED`: the deployment sees it, and it does
 * not authorize the KMIP instance.
 */
export type NotOfferedReason = "NO_ROOT_KEY" | "FORBIDDEN" | "UNAVAILABLE" | "IN_USE" | "NOT_AUTHORIZED";

export type Discovery = {
  /** Null when the API key is a user's, and for tokens. */
  readonly serviceId: string | null;
  readonly serviceIdName: string | null;
  readonly keyManagers: DiscoveredKeyManager[];
  /** For HPCS without an API key: how the instances that do not authorize the KMIP instance come to do so. */
  readonly authorizationCommands: string[];
  /** HPCS instances that the service ID sees but that cannot be used, and why. */
  readonly notOffered: {
    readonly crn: string;
    readonly guid: string;
    readonly name: string;
    readonly reason: NotOfferedReason;
  }[];
};

/**
 * "Retrieve": the key manager instances that an API key can see, by name. Of HPCS only instances with at least one
 * root key and no KMIP instance yet are offered. For PKCS#11: the tokens of the configured modules; no PIN is needed.
 * @param input.apiKey API key of the service ID; kept nowhere. For HPCS it may be left out where the deployment has an
 *   identity of its own: then those are offered that authorize the KMIP instance `input.instanceId`
 * @param input.region only instances of this region, e.g. `us-south`
 * @throws AppError FORBIDDEN (role operator), VALIDATION_FAILED, NOT_AVAILABLE, KEY_MANAGER_*
 */
export async function discoverKeyManagers(
  actor: Actor,
  input: KeyManagerCredentials & { kind: KeyManagerKind; region?: string | undefined },
  cloud: IbmCloud = ibmCloud(),
): Promise<Discovery> {
  requireRole(actor, "operator");

  if (input.kind === "pkcs11") {
    return discoverTokens(actor);
  }

  const { kind } = input;
  const call: CallOptions = { correlationId: actor.requestId };

  try {
    const byAuthorization = isByAuthorization(kind, input);
    const owners = byAuthorization
      ? cloud.iam.tokenSource(deploymentApiKey())
      : cloud.iam.tokenSource(requireApiKey(input.apiKey));
    // Before an instance is ordered nothing can be authorized: then only what the deployment sees is told.
    const tokenSource =
      byAuthorization && input.instanceId !== undefined
        ? await tokenSourceOf(actor, cloud, kind, input)
        : owners;
    const list = (source: TokenSource) =>
      withToken(source, call, (token) =>
        cloud.resourceController.listInstances(token, KEY_SERVICES[kind], call),
      );
    const seen = byAuthorization ? await list(owners) : [];
    const authorized = byAuthorization && input.instanceId === undefined ? [] : await list(tokenSource);
    const guids = new Set(authorized.map(({ guid }) => guid));
    const all = [...authorized, ...seen.filter(({ guid }) => !guids.has(guid))];
    const described = await describeServiceId(cloud, await owners.token(call), call);
    const owner = { serviceId: described?.id ?? null, serviceIdName: described?.name ?? null };
    const visible = all
      .filter((instance) => instance.state === "active")
      .filter((instance) => input.region === undefined || instance.region === input.region)
      .sort((a, b) => a.name.localeCompare(b.name) || a.guid.localeCompare(b.guid));

    if (kind === "key-protect") {
      return { ...owner, keyManagers: visible.map(toDiscovered), authorizationCommands: [], notOffered: [] };
    }

    const taken = await takenKeyManagers(visible.map(({ guid }) => guid));
    const checked = await Promise.all(
      visible.map(async (instance) => {
        if (taken.has(instance.guid)) {
          return { instance, reason: "IN_USE" as const };
        }
        if (!guids.has(instance.guid)) {
          return { instance, reason: "NOT_AUTHORIZED" as const };
        }
        const endpoint = chooseEndpoint(instance.endpoints, cloud.endpointType);

        if (endpoint === null) {
          return { instance, reason: "UNAVAILABLE" as const };
        }

        const keyManager = createKeyManager({ kind, endpoint, instanceGuid: instance.guid, tokenSource });
        const reason = await whyUnusable(() => keyManager.listRootKeys({ limit: 1 }, call));

        return { instance, reason };
      }),
    );

    const unauthorized = checked.filter(({ reason }) => reason === "NOT_AUTHORIZED");

    return {
      ...owner,
      // An instance that the deployment does not see may be authorized all the same: then its GUID is left to fill in.
      authorizationCommands: byAuthorization
        ? (unauthorized.length > 0 ? unauthorized.map(({ instance }) => instance.guid) : [undefined]).map(
            (guid) => authorizationCommand(input.instanceId, guid),
          )
        : [],
      keyManagers: checked
        .filter(({ reason }) => reason === null)
        .map(({ instance }) => toDiscovered(instance)),
      notOffered: checked.flatMap(({ instance, reason }) =>
        reason === null ? [] : [{ crn: instance.crn, guid: instance.guid, name: instance.name, reason }],
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
