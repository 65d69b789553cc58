import type { TokenSource } from "@/lib/ibm-cloud/iam";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { chooseEndpoint, type ResourceInstance } from "@/lib/ibm-cloud/resource-controller";
import { activeOf, listServiceInstances, ownerOf, toDiscovered } from "../ibm-services/discover";
import { createIbmKeyManager } from "../ibm-services/service";
import { type CallContext, KeyManagerError } from "../key-manager";
import type { DiscoverRequest, Discovery, NotOfferedReason, ProviderContext } from "../provider";
import { deploymentApiKey } from "./deployment-identity";
import { authorizationCommand } from "./findings";
import { hpcsService } from "./service";

/** What somebody's tokens show. */
type Seen = {
  readonly owners: TokenSource;
  readonly tokens: TokenSource;
  /** Usable with `tokens`. */
  readonly authorized: readonly ResourceInstance[];
  /** Seen by the deployment; some of them may be in `authorized` as well. */
  readonly others: readonly ResourceInstance[];
};

/**
 * Instances of HPCS with at least one root key and no KMIP instance yet. Without an API key those that authorize the
 * KMIP instance are offered; before it is ordered nothing can be authorized, and only what the deployment sees is told.
 * @throws ProviderError `notAvailable`; IbmCloudError
 */
export async function discoverHpcs(
  { cloud }: ProviderContext,
  request: DiscoverRequest,
  call: CallContext,
): Promise<Discovery> {
  const { owners, tokens, authorized, others } = await look(cloud, request.credential, call);
  const guids = new Set(authorized.map(({ guid }) => guid));
  const owner = await ownerOf(cloud, owners, call);
  const visible = activeOf([...authorized, ...others.filter(({ guid }) => !guids.has(guid))], request);
  const taken = await request.taken(visible.map(({ guid }) => guid));
  const checked = await Promise.all(
    visible.map(
      async (instance): Promise<{ instance: ResourceInstance; reason: NotOfferedReason | null }> => {
        if (taken.has(instance.guid)) {
          return { instance, reason: "IN_USE" };
        }

        return {
          instance,
          reason: guids.has(instance.guid)
            ? await whyUnusable(cloud, instance, tokens, call)
            : "NOT_AUTHORIZED",
        };
      },
    ),
  );

  return {
    ...owner,
    authorizationCommands: commandsFor(
      request.credential,
      checked.flatMap(({ instance, reason }) => (reason === "NOT_AUTHORIZED" ? instance.guid : [])),
    ),
    keyManagers: checked
      .filter(({ reason }) => reason === null)
      .map(({ instance }) => toDiscovered(instance)),
    notOffered: checked.flatMap(({ instance, reason }) =>
      reason === null ? [] : [{ crn: instance.crn, guid: instance.guid, name: instance.name, reason }],
    ),
  };
}

async function look(
  cloud: IbmCloud,
  credential: DiscoverRequest["credential"],
  call: CallContext,
): Promise<Seen> {
  const list = (source: TokenSource) => listServiceInstances(hpcsService, cloud, source, call);

  if (credential !== null && "secret" in credential) {
    const tokens = cloud.iam.tokenSource(credential.secret);

    return { owners: tokens, tokens, authorized: await list(tokens), others: [] };
  }

  const owners = cloud.iam.tokenSource(deploymentApiKey());
  const kmipInstanceId = credential?.authorizedFor ?? null;

  if (kmipInstanceId === null) {
    return { owners, tokens: owners, authorized: [], others: await list(owners) };
  }

  const tokens = hpcsService.tokens(cloud, { authorizedFor: kmipInstanceId });
  const others = await list(owners);

  return { owners, tokens, authorized: await list(tokens), others };
}

/** An instance that the deployment does not see may be authorized all the same: then its GUID is left to fill in. */
function commandsFor(credential: DiscoverRequest["credential"], unauthorized: readonly string[]): string[] {
  if (credential === null || "secret" in credential) {
    return [];
  }

  return (unauthorized.length > 0 ? unauthorized : [undefined]).map((guid) =>
    authorizationCommand(credential.authorizedFor ?? undefined, guid),
  );
}

async function whyUnusable(
  cloud: IbmCloud,
  instance: ResourceInstance,
  tokenSource: TokenSource,
  call: CallContext,
): Promise<"NO_ROOT_KEY" | "FORBIDDEN" | "UNAVAILABLE" | null> {
  const endpoint = chooseEndpoint(instance.endpoints, cloud.endpointType);

  if (endpoint === null) {
    return "UNAVAILABLE";
  }

  const keyManager = createIbmKeyManager(hpcsService, { endpoint, instanceGuid: instance.guid, tokenSource });

  try {
    const { items } = await keyManager.listRootKeys({ limit: 1 }, call);

    return items.length === 0 ? "NO_ROOT_KEY" : null;
  } catch (error) {
    if (!(error instanceof KeyManagerError)) {
      throw error;
    }

    return error.failure === "forbidden" ? "FORBIDDEN" : "UNAVAILABLE";
  }
}
