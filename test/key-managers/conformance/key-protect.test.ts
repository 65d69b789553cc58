import { describeKeyManager } from "./describe-key-manager";
import { makeSandboxWorld } from "./sandbox-world";

describeKeyManager("Key Protect", () => makeSandboxWorld("key-protect"));
