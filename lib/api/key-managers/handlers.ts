import { discoverKeyManagers } from "@/lib/core/key-managers/discover-key-managers";
import { listRootKeys } from "@/lib/core/key-managers/list-root-keys";
import { validateKeyManager } from "@/lib/core/key-managers/validate-key-manager";
import type { Handlers } from "../contract/handler";
import type * as operations from "./operations";

export const handlers: Handlers<typeof operations> = {
  discoverKeyManagers: ({ actor, body }) => discoverKeyManagers(actor, body),
  listRootKeys: ({ actor, body }) => listRootKeys(actor, body),
  validateKeyManager: ({ actor, body }) => validateKeyManager(actor, body),
};
