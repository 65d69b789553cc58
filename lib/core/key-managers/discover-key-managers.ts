import { type Actor, requireRole } from "@/lib/core/actor";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { DiscoverRequest, Discovery, Provider } from "@/lib/key-managers/provider";
import { isByAuthorization, type KeyManagerCredentials, requireCredential } from "./credentials";
import { ibmCloud } from "./ibm-cloud";
import { providerContext, requireProvider } from "./providers";
import { takenKeyManagers } from "./taken-key-managers";
import { toAppError } from "./to-app-error";

/**
 * "Retrieve": the key manager instances that can be chosen, by name, as their provider finds them.
 * @param input.apiKey API key of the service ID; kept nowhere. It may be left out where key managers can authorize the
 *   KMIP instance `input.instanceId`: then those are offered that do
 * @param input.region only instances of this region, e.g. `us-south`
 * @throws AppError FORBIDDEN (role operator), VALIDATION_FAILED, NOT_AVAILABLE, KEY_MANAGER_*
 */
export async function discoverKeyManagers(
  actor: Actor,
  input: KeyManagerCredentials & { kind: string; region?: string | undefined },
  cloud: IbmCloud = ibmCloud(),
): Promise<Discovery> {
  requireRole(actor, "operator");

  const provider = requireProvider(input.kind);

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
