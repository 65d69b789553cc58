import { listEndpointNodes } from "@/lib/core/endpoints";
import type { Handlers } from "../contract/handler";
import type * as operations from "./operations";

export const handlers: Handlers<typeof operations> = {
  listEndpoints: async ({ actor }) => ({ items: await listEndpointNodes(actor), nextCursor: null }),
};
