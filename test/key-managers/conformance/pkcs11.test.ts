import { describe } from "vitest";
import { hasSoftHsm } from "../support/softhsm";
import { describeKeyManager } from "./describe-key-manager";
import { makeSoftHsmWorld, SOFTHSM_LACKS } from "./softhsm-world";

describe.skipIf(!hasSoftHsm)("with SoftHSM", () => {
  describeKeyManager("PKCS#11", makeSoftHsmWorld, { lacks: SOFTHSM_LACKS });
});
