export {
  type AccountCertificateView,
  addClientCertificate,
  type CertificatePreview,
  type ClientCertificateView,
  certificateFindings,
  getClientCertificate,
  listAccountCertificates,
  listClientCertificates,
  previewClientCertificates,
  removeClientCertificate,
  renameClientCertificate,
  signClientCertificate,
} from "./client-certificates";
export { type ExpiryNotice, NOTICE_DAYS, tellExpiringCertificates } from "./tell-expiry";
