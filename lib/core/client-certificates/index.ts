export {
  addClientCertificate,
  type CertificatePreview,
  type ClientCertificateView,
  getClientCertificate,
  listClientCertificates,
  previewClientCertificates,
  removeClientCertificate,
  renameClientCertificate,
  signClientCertificate,
} from "./client-certificates";
