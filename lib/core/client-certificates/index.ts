export {
  addClientCertificate,
  type CertificatePreview,
  type ClientCertificateView,
  certificateFindings,
  getClientCertificate,
  listClientCertificates,
  previewClientCertificates,
  removeClientCertificate,
  renameClientCertificate,
  signClientCertificate,
} from "./client-certificates";
