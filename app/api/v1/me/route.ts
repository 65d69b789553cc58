import { getMe } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(getMe, async ({ authenticated }) => read.me(authenticated)),
});
