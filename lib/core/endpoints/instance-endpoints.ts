import { database } from "@/lib/db";
import { dedicatedHost, env } from "@/lib/env";
import { type KeyType, parseCertificates } from "@/lib/x509";
import { authorityId, dedicatedIdentityId, KEY_TYPES, zoneIdentityId } from "./tls-identities";

/** A certificate that clients may be shown. */
type EndpointCertificate = {
  /** The server's certificate, then the authority's: as a client's list of trusted certificates it is complete. */
  readonly pem: string;
  readonly sha256: string;
  readonly sha1: string;
  readonly notAfter: Date;
};

/** Why a dedicated endpoint does not listen: somebody else has its port, or the operating system says no. */
export type ListenerProblem = "PORT_IN_USE" | "NOT_LISTENING";

/** Where clients connect, and the certificates they will be shown. */
export type InstanceEndpoint = {
  readonly zone: number;
  readonly host: string;
  readonly port: number;
  /** True for an endpoint that serves this instance alone. */
  readonly dedicated: boolean;
  /** Why nobody listens there now; null when that is not known to be so. */
  readonly problem: ListenerProblem | null;
  /** What every client sees that can use ECDSA, vCenter and its hosts among them. */
  readonly serverCertificate: EndpointCertificate;
  /** The same, and what clients see that can use RSA only. */
  readonly serverCertificates: readonly (EndpointCertificate & { readonly keyType: KeyType })[];
};

/** What decides which endpoints an instance has. */
export type EndpointOwner = { readonly id: string; readonly dedicated: boolean };

type Address = Pick<InstanceEndpoint, "zone" | "host" | "port" | "dedicated" | "problem">;

/**
 * The endpoints that instances share, one per zone: the client's certificate selects the instance. Zones whose
 * certificate was not made yet are left out.
 */
export async function sharedEndpoints(): Promise<InstanceEndpoint[]> {
  const { KMIP_PORTS, kmipPublicHost } = env();
  const zones = KMIP_PORTS.map((port, index) => ({
    zone: index + 1,
    host: kmipPublicHost,
    port,
    dedicated: false,
    problem: null,
  }));
  const pems = await readPems(
    KEY_TYPES.flatMap((keyType) => [
      authorityId(keyType),
      ...zones.map(({ zone }) => zoneIdentityId(zone, keyType)),
    ]),
  );

  return zones.flatMap((address) =>
    endpointAt(address, (keyType) => zoneIdentityId(address.zone, keyType), pems),
  );
}

/**
 * The endpoints of each instance: its own for dedicated ones, the shared ones for all others.
 * @returns by the instance's id
 */
export async function endpointsOf(
  instances: readonly EndpointOwner[],
): Promise<ReadonlyMap<string, readonly InstanceEndpoint[]>> {
  const own = instances.filter((instance) => instance.dedicated).map(({ id }) => id);
  const [shared, dedicated] = await Promise.all([
    own.length < instances.length ? sharedEndpoints() : [],
    own.length > 0 ? dedicatedEndpoints(own) : new Map<string, InstanceEndpoint[]>(),
  ]);

  return new Map(
    instances.map((instance) => [
      instance.id,
      instance.dedicated ? (dedicated.get(instance.id) ?? []) : shared,
    ]),
  );
}

async function dedicatedEndpoints(
  instanceIds: readonly string[],
): Promise<ReadonlyMap<string, InstanceEndpoint[]>> {
  const settings = env();
  const [rows, pems] = await Promise.all([
    database().prisma.dedicatedEndpoint.findMany({
      where: { instanceId: { in: [...instanceIds] }, zone: { lte: settings.KMIP_PORTS.length } },
      orderBy: { zone: "asc" },
    }),
    readPems(
      KEY_TYPES.flatMap((keyType) => [
        authorityId(keyType),
        ...instanceIds.map((id) => dedicatedIdentityId(id, keyType)),
      ]),
    ),
  ]);
  const endpoints = new Map<string, InstanceEndpoint[]>(instanceIds.map((id) => [id, []]));
  for (const { instanceId, zone, port, problem } of rows) {
    const address: Address = {
      zone,
      host: dedicatedHost(instanceId, settings),
      port,
      dedicated: true,
      problem: problem === null ? null : problem === "PORT_IN_USE" ? "PORT_IN_USE" : "NOT_LISTENING",
    };
    endpoints
      .get(instanceId)
      ?.push(...endpointAt(address, (keyType) => dedicatedIdentityId(instanceId, keyType), pems));
  }

  return endpoints;
}

/** The endpoint with its certificates; none while they are not made. */
function endpointAt(
  address: Address,
  identityId: (keyType: KeyType) => string,
  pems: ReadonlyMap<string, string>,
): InstanceEndpoint[] {
  const serverCertificates = KEY_TYPES.flatMap((keyType) => {
    const [certificate] = parseCertificatesOf(pems.get(identityId(keyType)));
    if (!certificate) {
      return [];
    }

    const { sha256, sha1, notAfter } = certificate;
    const pem = joinPem(certificate.pem, pems.get(authorityId(keyType)) ?? "");

    return [{ keyType, pem, sha256, sha1, notAfter }];
  });
  const preferred = serverCertificates.find(({ keyType }) => keyType === KEY_TYPES[0]);
  if (preferred === undefined) {
    return [];
  }

  const { keyType: _, ...serverCertificate } = preferred;

  return [{ ...address, serverCertificate, serverCertificates }];
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
