import { discoverKeyManagers } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { discoverKeyManagers as discover } from "@/lib/core/key-managers/discover-key-managers";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(discoverKeyManagers, ({ actor, body }) => discover(actor, body)),
});
