import { serializeClientCertificate } from "@/lib/api/client-certificates/serializers";
import { createClientCertificate, listClientCertificates } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";
import { addClientCertificate } from "@/lib/core/client-certificates";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(listClientCertificates, ({ actor, params, query }) =>
    read.clientCertificates.list(actor, params.id, query),
  ),
  POST: route(createClientCertificate, async ({ actor, params, body }) =>
    serializeClientCertificate(await addClientCertificate(actor, params.id, body)),
  ),
});
