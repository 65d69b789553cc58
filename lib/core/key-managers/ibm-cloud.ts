import { env } from "@/lib/env";
import { createIamClient, type IamClient } from "@/lib/ibm-cloud/iam";
import {
  createResourceControllerClient,
  type EndpointType,
  type ResourceControllerClient,
} from "@/lib/ibm-cloud/resource-controller";
import { perProcess, processSlot } from "@/lib/per-process";

/** The platform services that this deployment talks to. */
export type IbmCloud = {
  readonly iam: IamClient;
  readonly resourceController: ResourceControllerClient;
  readonly endpointType: EndpointType;
  /** True for IBM's own cloud, whose endpoints follow a published pattern; false for the sandbox and others. */
  readonly isPublicCloud: boolean;
  /** True when IAM itself is reached without TLS, as the sandbox is: then key managers may be as well. */
  readonly allowsPlainHttp: boolean;
};

/** Clients for the given addresses. Tests and tools that do not use the environment call this. */
export function createIbmCloud(options: {
  iamUrl: string;
  resourceControllerUrl: string;
  endpointType: EndpointType;
}): IbmCloud {
  return {
    iam: createIamClient({ url: options.iamUrl }),
    resourceController: createResourceControllerClient({ url: options.resourceControllerUrl }),
    endpointType: options.endpointType,
    allowsPlainHttp: new URL(options.iamUrl).protocol === "http:",
    isPublicCloud: new URL(options.iamUrl).hostname.endsWith("iam.cloud.ibm.com"),
  };
}

const slot = processSlot<IbmCloud>("ibm-cloud");

/** The platform services of this process, by the environment; the process has one cache of tokens. */
export const ibmCloud = perProcess("ibm-cloud", () =>
  createIbmCloud({
    iamUrl: env().iamUrl,
    resourceControllerUrl: env().resourceControllerUrl,
    endpointType: env().IBM_CLOUD_ENDPOINT_TYPE,
  }),
);

/** Puts others in their place; null has them made anew by the environment. */
export const setIbmCloud = slot.set;
