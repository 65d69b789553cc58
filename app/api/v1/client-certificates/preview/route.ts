import { serializePreview } from "@/lib/api/client-certificates/serializers";
import { previewClientCertificates } from "@/lib/api/operations";
import { methods, route } from "@/lib/api/wrapper";
import { previewClientCertificates as preview } from "@/lib/core/client-certificates";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  POST: route(previewClientCertificates, async ({ actor, body }) => ({
    certificates: (await preview(actor, body)).map(serializePreview),
  })),
});
