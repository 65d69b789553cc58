import {
  addClientCertificate,
  getClientCertificate,
  listAccountCertificates,
  listClientCertificates,
  previewClientCertificates,
  removeClientCertificate,
  renameClientCertificate,
  signClientCertificate,
} from "@/lib/core/client-certificates";
import type { Handlers } from "../contract/handler";
import { serializePage } from "../contract/page";
import type * as operations from "./operations";
import { serializeAccountCertificate, serializeClientCertificate, serializePreview } from "./serializers";

export const handlers: Handlers<typeof operations> = {
  previewClientCertificates: async ({ actor, body }) => ({
    certificates: (await previewClientCertificates(actor, body)).map(serializePreview),
  }),
  listAccountCertificates: async ({ actor, query }) =>
    serializePage(await listAccountCertificates(actor, query), serializeAccountCertificate),
  listClientCertificates: async ({ actor, params: { id }, query }) =>
    serializePage(await listClientCertificates(actor, id, query), serializeClientCertificate),
  createClientCertificate: async ({ actor, params: { id }, body }) =>
    serializeClientCertificate(await addClientCertificate(actor, id, body)),
  signClientCertificate: async ({ actor, params: { id }, body }) =>
    serializeClientCertificate(await signClientCertificate(actor, id, body)),
  getClientCertificate: async ({ actor, params: { id, certificateId } }) =>
    serializeClientCertificate(await getClientCertificate(actor, id, certificateId)),
  updateClientCertificate: async ({ actor, params: { id, certificateId }, body }) =>
    serializeClientCertificate(await renameClientCertificate(actor, id, certificateId, body)),
  deleteClientCertificate: ({ actor, params: { id, certificateId } }) =>
    removeClientCertificate(actor, id, certificateId),
};
