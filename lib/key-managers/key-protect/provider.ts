import { connectByCrn } from "../ibm-services/connect";
import { activeOf, listServiceInstances, ownerOf, toDiscovered } from "../ibm-services/discover";
import { IBM_FINDINGS } from "../ibm-services/findings";
import { ibmServiceMembers } from "../ibm-services/service";
import { discoveryOf, type Provider, secretOf } from "../provider";
import { checkKeyProtect } from "./checks";
import { keyProtectService } from "./service";

/** IBM Key Protect. */
export const keyProtect: Provider = {
  ...ibmServiceMembers(keyProtectService),
  dedicatedEndpoint: false,
  oneInstanceEach: false,
  choices: { keyRing: true, endpoint: true, region: true },
  findings: IBM_FINDINGS,

  async discover({ cloud }, request, call) {
    const tokens = cloud.iam.tokenSource(secretOf(request.credential));
    const instances = await listServiceInstances(keyProtectService, cloud, tokens, call);

    return discoveryOf({
      ...(await ownerOf(cloud, tokens, call)),
      keyManagers: activeOf(instances, request).map(toDiscovered),
    });
  },
  connect: (context, choice, call) => connectByCrn(keyProtectService, context, choice, call),
  checks: checkKeyProtect,
};
