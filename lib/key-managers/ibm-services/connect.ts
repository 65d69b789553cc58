import { chooseEndpoint } from "@/lib/ibm-cloud/resource-controller";
import { givenEndpoint } from "../given-endpoint";
import type { CallContext } from "../key-manager";
import {
  type ChosenKeyManager,
  type KeyManagerChoice,
  type ProviderContext,
  ProviderError,
} from "../provider";
import { readInstance } from "./read-instance";
import { createIbmKeyManager, type IbmService, requireCrn } from "./service";

/**
 * Finds a key manager instance by its CRN and connects to the endpoint that was given, or else to the one that the
 * resource controller names.
 * @throws ProviderError `invalid` (CRN, endpoint), `notAvailable` (no endpoint); IbmCloudError
 */
export async function connectByCrn(
  service: IbmService,
  { cloud }: ProviderContext,
  choice: KeyManagerChoice,
  call: CallContext,
): Promise<ChosenKeyManager> {
  // Before anything is asked with a credential.
  const given = givenEndpoint(cloud, choice.credential, choice.endpoint);
  const tokenSource = service.tokens(cloud, choice.credential);
  const { instance } = requireCrn(service, choice.keyManagerCrn);
  const resource = await readInstance(service, { cloud, tokens: tokenSource }, instance, call);
  const endpoint = given ?? chooseEndpoint(resource.endpoints, cloud.endpointType);

  if (endpoint === null) {
    throw new ProviderError(
      "notAvailable",
      `IBM Cloud names no endpoint for the ${service.title} instance ${resource.name}.`,
    );
  }

  const keyManager = createIbmKeyManager(service, {
    endpoint,
    instanceGuid: resource.guid,
    tokenSource,
    givenByHand: given !== undefined,
  });

  return { keyManager, endpoint };
}
