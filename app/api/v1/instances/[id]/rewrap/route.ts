import { getRewrap } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(getRewrap, ({ actor, params }) => read.instances.rewrap(actor, params.id)),
});
