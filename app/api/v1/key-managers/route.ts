import { listKeyManagers } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(listKeyManagers, ({ actor }) => read.keyManagers.list(actor)),
});
