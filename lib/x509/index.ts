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
export { CertificateError, type CertificateProblem } from "./errors";
export { type Finding, type FindingCode, findingsOf } from "./findings";
