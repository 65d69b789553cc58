import { type Actor, requireRole } from "@/lib/core/actor";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { DiscoverRequest, Discovery, Provider } from "@/lib/key-managers/provider";
import { isByAuthorization, type KeyManagerCredentials, requireCredential } from "./credentials";
import { hostOf } from "./host-of";
import { ibmCloud } from "./ibm-cloud";
import { providerContext, requireProvider } from "./providers";
import { recordCall } from "./record-call";
import { takenKeyManagers } from "./taken-key-managers";
import { toAppError } from "./to-app-error";

/** Hosts of what was found that stand in an audit event, at most. */
const MAX_RECORDED = 20;

/**
 * "Retrieve": the key manager instances that can be chosen, by name, as their provider finds them.
 * @param input.apiKey API key of the service ID; kept nowhere. It may be left out where key managers can authorize the
 *   KMIP instance `input.instanceId`: then those are offered that do
 * @param input.region only instances of this region, e.g. `us-south`
 * @throws AppError FORBIDDEN (role operator), VALIDATION_FAILED, NOT_AVAILABLE, KEY_MANAGER_*, AUDIT_UNAVAILABLE
 */
export async function discoverKeyManagers(
  actor: Actor,
  input: KeyManagerCredentials & { kind: string; region?: string | undefined },
  cloud: IbmCloud = ibmCloud(),
): Promise<Discovery> {
  requireRole(actor, "operator");

  const provider = requireProvider(input.kind);

  return recordCall(
    actor,
    {
      action: "vmware-solutions.key-manager.discover",
      kind: provider.kind,
      instanceId: input.instanceId,
      ownSecret: input.apiKey !== undefined,
    },
    () => discover(actor, provider, input, cloud),
    ({ keyManagers, notOffered }) => ({
      keyManagers: keyManagers.length,
      notOffered: notOffered.length,
      endpoints: [
        ...new Set(
          keyManagers.flatMap(
            ({ endpoints }) => hostOf(endpoints[cloud.endpointType] ?? endpoints.public) ?? [],
          ),
        ),
      ].slice(0, MAX_RECORDED),
    }),
  );
}

async function discover(
  actor: Actor,
  provider: Provider,
  input: KeyManagerCredentials & { region?: string | undefined },
  cloud: IbmCloud,
): Promise<Discovery> {
  try {
    return await provider.discover(
      providerContext(cloud),
      {
        credential: await credentialFor(actor, provider, input),
        region: input.region,
        taken: (guids) => takenKeyManagers(provider, guids),
      },
      { correlationId: actor.requestId },
    );
  } catch (error) {
    throw toAppError(error);
  }
}

async function credentialFor(
  actor: Actor,
  provider: Provider,
  input: KeyManagerCredentials,
): Promise<DiscoverRequest["credential"]> {
  if (!provider.credential.toDiscover) {
    return null;
  }

  return isByAuthorization(provider, input) && input.instanceId === undefined
    ? { authorizedFor: null }
    : requireCredential(actor, provider, input);
}
