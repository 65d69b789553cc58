import { withToken } from "@/lib/ibm-cloud/iam";
import { chooseEndpoint } from "@/lib/ibm-cloud/resource-controller";
import { givenEndpoint } from "../given-endpoint";
import type { CallContext } from "../key-manager";
import type { KeyProtect } from "../key-protect/adapter";
import { type KeyManagerChoice, type ProviderContext, ProviderError } from "../provider";
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
): Promise<KeyProtect> {
  const tokenSource = service.tokens(cloud, choice.credential);
  const crn = requireCrn(service, choice.keyManagerCrn);
  const resource = await withToken(tokenSource, call, (token) =>
    cloud.resourceController.getInstance(token, crn.instance, call),
  );
  const endpoint =
    givenEndpoint(cloud, choice.endpoint) ?? chooseEndpoint(resource.endpoints, cloud.endpointType);

  if (endpoint === null) {
    throw new ProviderError(
      "notAvailable",
      `IBM Cloud names no endpoint for the ${service.title} instance ${resource.name}.`,
    );
  }

  return createIbmKeyManager(service, { endpoint, instanceGuid: resource.guid, tokenSource });
}
