import { connectByCrn } from "../ibm-services/connect";
import { ibmServiceMembers } from "../ibm-services/service";
import type { Provider } from "../provider";
import { HPCS_KEY_RING } from "./adapter";
import { checkHpcs } from "./checks";
import { deploymentApiKey, hasDeploymentIdentity } from "./deployment-identity";
import { discoverHpcs } from "./discover";
import { HPCS_FINDINGS } from "./findings";
import { hpcsService } from "./service";

/** IBM Hyper Protect Crypto Services. */
export const hpcs: Provider = {
  ...ibmServiceMembers(hpcsService),
  authorization: {
    available: hasDeploymentIdentity,
    fingerprint: () => deploymentApiKey().fingerprint(),
  },
  dedicatedEndpoint: true,
  oneInstanceEach: true,
  onlyKeyRing: HPCS_KEY_RING,
  choices: { keyRing: false, endpoint: true, region: true },
  findings: HPCS_FINDINGS,
  discover: discoverHpcs,
  connect: (context, choice, call) => connectByCrn(hpcsService, context, choice, call),
  checks: checkHpcs,
};
