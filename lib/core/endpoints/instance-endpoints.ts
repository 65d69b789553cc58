import { database } from "@/lib/db";
import { env } from "@/lib/env";
import { parseCertificates } from "@/lib/x509";
import { AUTHORITY_ID, zoneIdentityId } from "./tls-identities";

/** Where clients connect, and the certificate they will be shown. */
export type InstanceEndpoint = {
  readonly zone: number;
  readonly host: string;
  readonly port: number;
  readonly serverCertificate: {
    /** The server's certificate, then the authority's: as a client's list of trusted certificates it is complete. */
    readonly pem: string;
    readonly sha256: string;
    readonly sha1: string;
    readonly notAfter: Date;
  };
};

/**
 * The endpoints of the deployment, one per zone. All instances share them: the client's certificate selects the
 * instance. Zones whose certificate was not made yet are left out.
 */
export async function sharedEndpoints(): Promise<InstanceEndpoint[]> {
  const { KMIP_PORTS, kmipPublicHost } = env();
  const { rows } = await database().pool.query<{ id: string; certificate_pem: string }>(
    "SELECT id, certificate_pem FROM tls_identity WHERE id = ANY($1)",
    [[AUTHORITY_ID, ...KMIP_PORTS.map((_, index) => zoneIdentityId(index + 1))]],
  );
  const pems = new Map(rows.map((row) => [row.id, row.certificate_pem]));
  const authorityPem = pems.get(AUTHORITY_ID) ?? "";

  return KMIP_PORTS.flatMap((port, index) => {
    const zone = index + 1;
    const [certificate] = parseCertificatesOf(pems.get(zoneIdentityId(zone)));
    if (!certificate) return [];

    const { sha256, sha1, notAfter } = certificate;
    const pem = joinPem(certificate.pem, authorityPem);

    return [{ zone, host: kmipPublicHost, port, serverCertificate: { pem, sha256, sha1, notAfter } }];
  });
}

/** One PEM text of several. */
export function joinPem(...parts: readonly string[]): string {
  return parts.map((part) => `${part.trim()}\n`).join("");
}

function parseCertificatesOf(pem: string | undefined) {
  return pem === undefined ? [] : parseCertificates(pem);
}
