/** Why text is no certificate (or no CSR) that this house takes. */
export type CertificateProblem =
  /** It holds a private key, or a container made to carry one. */
  | "PRIVATE_KEY_REFUSED"
  /** It cannot be read, or is something else. */
  | "CERTIFICATE_INVALID";

/** The only error of lib/x509 for bad input. Its message never repeats any of the input. */
export class CertificateError extends Error {
  readonly problem: CertificateProblem;

  constructor(problem: CertificateProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "CertificateError";
    this.problem = problem;
  }
}
