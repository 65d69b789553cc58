import { fileNamePart, saveText } from "@/components/ui/save-text";
import type { ClientCertificate } from "@/lib/api/client-certificates/schemas";

/** Saves a certificate as PEM, named as in the console. */
export function saveCertificate(certificate: Pick<ClientCertificate, "name" | "pem">): void {
  saveText(`${fileNamePart(certificate.name)}.pem`, certificate.pem, "application/x-pem-file");
}
