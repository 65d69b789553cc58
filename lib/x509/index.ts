export {
  type CertificateWithKey,
  createAuthority,
  createShortLivedClient,
  isIssuedBy,
  issueServerCertificate,
  type KeyType,
  signCsr,
} from "./authority";
export { type Certificate, parseCertificates, parseClientCertificate } from "./certificate";
export { CertificateError } from "./errors";
export { type Finding, findingsOf } from "./findings";
