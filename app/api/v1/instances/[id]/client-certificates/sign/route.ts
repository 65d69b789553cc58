import { serializeClientCertificate } from "@/lib/api/client-certificates/serializers";
import { signClientCertificate } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { signClientCertificate as sign } from "@/lib/core/client-certificates";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(signClientCertificate, async ({ actor, params, body }) =>
    serializeClientCertificate(await sign(actor, params.id, body)),
  ),
});
