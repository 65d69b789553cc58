import { signClientCertificate } from "@/lib/api/operations";
import { serializeClientCertificate } from "@/lib/api/serializers/client-certificates";
import { methods, route } from "@/lib/api/wrapper";
import { signClientCertificate as sign } from "@/lib/core/client-certificates";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(signClientCertificate, async ({ actor, params, body }) =>
    serializeClientCertificate(await sign(actor, params.id, body)),
  ),
});
