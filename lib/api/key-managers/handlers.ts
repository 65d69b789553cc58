import { discoverKeyManagers } from "@/lib/core/key-managers/discover-key-managers";
import { listProviders } from "@/lib/core/key-managers/list-providers";
import { listRootKeys } from "@/lib/core/key-managers/list-root-keys";
import { validateKeyManager } from "@/lib/core/permissions/validate-key-manager";
import type { Handlers } from "../contract/handler";
import { describeReport } from "../texts/checks";
import type * as operations from "./operations";

export const handlers: Handlers<typeof operations> = {
  listKeyManagers: async ({ actor }) => ({ items: listProviders(actor), nextCursor: null }),
  discoverKeyManagers: ({ actor, body }) => discoverKeyManagers(actor, body),
  listRootKeys: ({ actor, body }) => listRootKeys(actor, body),
  validateKeyManager: async ({ actor, body }) => describeReport(await validateKeyManager(actor, body)),
};
