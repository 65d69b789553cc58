import type { IbmService } from "../ibm-services/service";
import { createHpcs, HPCS, HPCS_KEY_RING } from "./adapter";
import { deploymentApiKey } from "./deployment-identity";

export const hpcsService: IbmService = {
  ...HPCS,
  service: "hs-crypto",
  onlyKeyRing: HPCS_KEY_RING,
  tokens: (cloud, credential) =>
    "secret" in credential
      ? cloud.iam.tokenSource(credential.secret)
      : cloud.iam.authorizedTokenSource(deploymentApiKey(), credential.authorizedFor),
  create: createHpcs,
};
