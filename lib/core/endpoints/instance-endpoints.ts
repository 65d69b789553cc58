import { database } from "@/lib/db";
import { env } from "@/lib/env";
import { type KeyType, parseCertificates } from "@/lib/x509";
import { authorityId, KEY_TYPES, zoneIdentityId } from "./tls-identities";

/** A certificate that clients may be shown. */
export type EndpointCertificate = {
  /** The server's certificate, then the authority's: as a client's list of trusted certificates it is complete. */
  readonly pem: string;
  readonly sha256: string;
  readonly sha1: string;
  readonly notAfter: Date;
};

/** Where clients connect, and the certificates they will be shown. */
export type InstanceEndpoint = {
  readonly zone: number;
  readonly host: string;
  readonly port: number;
  /** What every client sees that can use ECDSA, vCenter and its hosts among them. */
  readonly serverCertificate: EndpointCertificate;
  /** The same, and what clients see that can use RSA only. */
  readonly serverCertificates: readonly (EndpointCertificate & { readonly keyType: KeyType })[];
};

/**
 * The endpoints of the deployment, one per zone. All instances share them: the client's certificate selects the
 * instance. Zones whose certificate was not made yet are left out.
 */
export async function sharedEndpoints(): Promise<InstanceEndpoint[]> {
  const { KMIP_PORTS, kmipPublicHost } = env();
  const zones = KMIP_PORTS.map((port, index) => ({ zone: index + 1, host: kmipPublicHost, port }));
  const pems = await readPems(
    KEY_TYPES.flatMap((keyType) => [
      authorityId(keyType),
      ...zones.map(({ zone }) => zoneIdentityId(zone, keyType)),
    ]),
  );

  return zones.flatMap((endpoint) => {
    const serverCertificates = KEY_TYPES.flatMap((keyType) => {
      const [certificate] = parseCertificatesOf(pems.get(zoneIdentityId(endpoint.zone, keyType)));
      if (!certificate) return [];

      const { sha256, sha1, notAfter } = certificate;
      const pem = joinPem(certificate.pem, pems.get(authorityId(keyType)) ?? "");

      return [{ keyType, pem, sha256, sha1, notAfter }];
    });
    const preferred = serverCertificates.find(({ keyType }) => keyType === KEY_TYPES[0]);
    if (preferred === undefined) return [];

    const { keyType: _, ...serverCertificate } = preferred;

    return [{ ...endpoint, serverCertificate, serverCertificates }];
  });
}

async function readPems(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await database().pool.query<{ id: string; certificate_pem: string }>(
    "SELECT id, certificate_pem FROM tls_identity WHERE id = ANY($1)",
    [ids],
  );

  return new Map(rows.map((row) => [row.id, row.certificate_pem]));
}

/** One PEM text of several. */
export function joinPem(...parts: readonly string[]): string {
  return parts.map((part) => `${part.trim()}\n`).join("");
}

function parseCertificatesOf(pem: string | undefined) {
  return pem === undefined ? [] : parseCertificates(pem);
}
