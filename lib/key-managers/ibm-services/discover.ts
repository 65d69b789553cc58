import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { type IamToken, type TokenSource, withToken } from "@/lib/ibm-cloud/iam";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { ResourceInstance } from "@/lib/ibm-cloud/resource-controller";
import type { CallContext } from "../key-manager";
import type { DiscoveredKeyManager, DiscoverRequest, Discovery } from "../provider";
import type { IbmService } from "./service";

/** All instances of a service that somebody's tokens show, in whichever state. @throws IbmCloudError */
export function listServiceInstances(
  service: IbmService,
  cloud: IbmCloud,
  source: TokenSource,
  call: CallContext,
): Promise<ResourceInstance[]> {
  return withToken(source, call, (token) =>
    cloud.resourceController.listInstances(token, service.service, call),
  );
}

/** Those that can be used, of the wanted region, by name. */
export function activeOf(
  instances: readonly ResourceInstance[],
  { region }: Pick<DiscoverRequest, "region">,
): ResourceInstance[] {
  return instances
    .filter((instance) => instance.state === "active")
    .filter((instance) => region === undefined || instance.region === region)
    .sort((a, b) => a.name.localeCompare(b.name) || a.guid.localeCompare(b.guid));
}

export function toDiscovered(instance: ResourceInstance): DiscoveredKeyManager {
  return {
    crn: instance.crn,
    guid: instance.guid,
    name: instance.name,
    region: instance.region,
    endpoints: instance.endpoints,
  };
}

/** Whose tokens they are, for a discovery. @throws IbmCloudError */
export async function ownerOf(
  cloud: IbmCloud,
  source: TokenSource,
  call: CallContext,
): Promise<Pick<Discovery, "serviceId" | "serviceIdName">> {
  const described = await describeServiceId(cloud, await source.token(call), call);

  return { serviceId: described?.id ?? null, serviceIdName: described?.name ?? null };
}

/**
 * Id and name of the service ID behind a token; null for a user's. Without the right to read the service ID itself,
 * the token's claim names it.
 * @throws IbmCloudError when IAM is out of reach
 */
export async function describeServiceId(
  cloud: IbmCloud,
  token: IamToken,
  call: CallContext,
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
