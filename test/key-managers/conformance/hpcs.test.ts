import { describeKeyManager } from "./describe-key-manager";
import { makeSandboxWorld } from "./sandbox-world";

describeKeyManager("HPCS", () => makeSandboxWorld("hpcs"));
