import { serveUnknown } from "@/lib/api/contract/serve";

/** Every path that no other route answers. */
export const { GET, POST, PUT, PATCH, DELETE } = serveUnknown();
