import type { Caller } from "./caller";

/** The service whose instances the KMIP deployment acts for. */
export const KMIP_SERVICE_NAME = "vmware-solutions";

const PREFIX = "crn-";

/** A resource instance that calls as itself: `iam_id` is `crn-` and its CRN. */
export interface ResourceIdentity {
  accountId: string;
  serviceName: string;
  region: string;
  serviceInstance: string;
}

/** The resource instance of an `iam_id`, or undefined if it is of a service ID or a person. */
export function resourceIdentityOf({ iamId }: Pick<Caller, "iamId">): ResourceIdentity | undefined {
  if (!iamId.startsWith(PREFIX)) {
    return undefined;
  }
  const segments = iamId.slice(PREFIX.length).split(":");
  const [crn, , , , serviceName, region, scope, serviceInstance] = segments;
  if (segments.length !== 10 || crn !== "crn" || !serviceName || !serviceInstance) {
    return undefined;
  }
  const accountId = /^a\/(.+)$/.exec(scope ?? "")?.[1];

  return accountId === undefined
    ? undefined
    : { accountId, serviceName, region: region ?? "", serviceInstance };
}
