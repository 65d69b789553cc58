import { parseCrn } from "@/lib/ibm-cloud/crn";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { type TokenSource, withToken } from "@/lib/ibm-cloud/iam";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { ResourceInstance } from "@/lib/ibm-cloud/resource-controller";
import type { CallContext } from "../key-manager";
import type { IbmService } from "./service";

/**
 * An instance of a service as the resource controller shows it. Endpoints of other services are whatever their makers
 * write there: an instance that is none of this service's is not found, although its CRN was typed as if it were.
 * @throws IbmCloudError
 */
export async function readInstance(
  service: IbmService,
  { cloud, tokens }: { readonly cloud: IbmCloud; readonly tokens: TokenSource },
  guid: string,
  call: CallContext,
): Promise<ResourceInstance> {
  const resource = await withToken(tokens, call, (token) =>
    cloud.resourceController.getInstance(token, guid, call),
  );

  if (parseCrn(resource.crn)?.service !== service.service) {
    throw new IbmCloudError("notFound", `IBM Cloud has no ${service.title} instance of this CRN.`);
  }

  return resource;
}
