import { createIamClient, type IamClient } from "./iam";
import {
  createResourceControllerClient,
  type EndpointType,
  type ResourceControllerClient,
} from "./resource-controller";

/** The platform services that a deployment talks to. */
export type IbmCloud = {
  readonly iam: IamClient;
  readonly resourceController: ResourceControllerClient;
  readonly endpointType: EndpointType;
  /** True for IBM's own cloud, whose endpoints follow a published pattern; false for the sandbox and others. */
  readonly isPublicCloud: boolean;
  /** True when IAM itself is reached without TLS, as the sandbox is: then key managers may be as well. */
  readonly allowsPlainHttp: boolean;
};

/** Clients for the given addresses. */
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
