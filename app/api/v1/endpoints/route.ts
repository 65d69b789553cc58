import { listEndpoints } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(listEndpoints, ({ actor }) => read.endpoints.list(actor)),
});
