import { serializeClientCertificate } from "@/lib/api/client-certificates/serializers";
import { deleteClientCertificate, getClientCertificate, updateClientCertificate } from "@/lib/api/operations";
import { read } from "@/lib/api/resources";
import { methods, route } from "@/lib/api/wrapper";
import { removeClientCertificate, renameClientCertificate } from "@/lib/core/client-certificates";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(getClientCertificate, ({ actor, params }) =>
    read.clientCertificates.get(actor, params.id, params.certificateId),
  ),
  PATCH: route(updateClientCertificate, async ({ actor, params, body }) =>
    serializeClientCertificate(await renameClientCertificate(actor, params.id, params.certificateId, body)),
  ),
  DELETE: route(deleteClientCertificate, async ({ actor, params }) => {
    await removeClientCertificate(actor, params.id, params.certificateId);

    return undefined;
  }),
});
