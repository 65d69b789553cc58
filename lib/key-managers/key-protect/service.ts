import type { IbmService } from "../ibm-services/service";
import { secretOf } from "../provider";
import { createKeyProtect, KEY_PROTECT } from "./adapter";

export const keyProtectService: IbmService = {
  ...KEY_PROTECT,
  service: "kms",
  tokens: (cloud, credential) => cloud.iam.tokenSource(secretOf(credential)),
  create: createKeyProtect,
};
