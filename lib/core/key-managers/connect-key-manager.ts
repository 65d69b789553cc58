import { AppError } from "@/lib/core/errors";
import { type TokenSource, withToken } from "@/lib/ibm-cloud/iam";
import { chooseEndpoint, type ResourceInstance } from "@/lib/ibm-cloud/resource-controller";
import { createKeyManager } from "@/lib/key-managers/create-key-manager";
import type { KeyProtect } from "@/lib/key-managers/key-protect/key-protect";
import type { CallOptions } from "@/lib/resilience/deadline";
import { givenEndpoint, type IbmKeyManagerKind, KEY_MANAGER_NAMES, requireCrn } from "./credentials";
import type { IbmCloud } from "./ibm-cloud";

/**
 * Finds a key manager instance by its CRN and connects to the endpoint that was given, or else to the one that the
 * resource controller names.
 * @throws AppError VALIDATION_FAILED (CRN), NOT_AVAILABLE (no endpoint); IbmCloudError
 */
export async function connectKeyManager(
  cloud: IbmCloud,
  target: {
    kind: IbmKeyManagerKind;
    tokenSource: TokenSource;
    keyManagerCrn: string;
    endpoint?: string | undefined;
  },
  call: CallOptions,
): Promise<{ keyManager: KeyProtect; resource: ResourceInstance; endpoint: string }> {
  const crn = requireCrn(target.kind, target.keyManagerCrn);
  const { tokenSource } = target;
  const resource = await withToken(tokenSource, call, (token) =>
    cloud.resourceController.getInstance(token, crn.instance, call),
  );
  const endpoint =
    givenEndpoint(cloud, target.endpoint, "endpoint") ??
    chooseEndpoint(resource.endpoints, cloud.endpointType);

  if (endpoint === null) {
    throw new AppError(
      "NOT_AVAILABLE",
      `IBM Cloud names no endpoint for the ${KEY_MANAGER_NAMES[target.kind]} instance ${resource.name}.`,
    );
  }

  return {
    resource,
    endpoint,
    keyManager: createKeyManager({
      kind: target.kind,
      endpoint,
      instanceGuid: resource.guid,
      tokenSource,
    }),
  };
}
