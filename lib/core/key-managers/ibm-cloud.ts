import { env } from "@/lib/env";
import { createIbmCloud, type IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { perProcess, processSlot } from "@/lib/per-process";

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
