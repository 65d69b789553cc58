import {
  type Certificate,
  CertificateError,
  type Finding,
  findingsOf,
  parseClientCertificate,
} from "@/lib/x509";
import { AppError } from "../errors";

/** Runs something of lib/x509 and words its error for people outside. */
export function withCertificateErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toAppError(error);
  }
}

/** The error that people outside see; other errors come back as they are. */
export function toAppError(error: unknown): unknown {
  return error instanceof CertificateError ? new AppError(error.problem, error.message) : error;
}

/**
 * The client certificate in what was uploaded, if it may be pinned.
 * @throws AppError PRIVATE_KEY_REFUSED | CERTIFICATE_INVALID (`extra.findings` says why a readable one is refused)
 */
export function readClientCertificate(text: string): Certificate {
  const certificate = withCertificateErrors(() => parseClientCertificate(text));
  const errors = findingsOf(certificate).filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    throw refused(errors);
  }

  return certificate;
}

function refused(findings: readonly Finding[]): AppError {
  const codes = findings.map(({ code }) => code).join(", ");

  return new AppError("CERTIFICATE_INVALID", `The certificate cannot be used (${codes}).`, {
    extra: { findings },
    text: { of: "certificate", findings },
  });
}
