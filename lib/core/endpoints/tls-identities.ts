import type pg from "pg";
import { database } from "@/lib/db";
import { inPoolTransaction } from "@/lib/db/transaction";
import {
  type CertificateWithKey,
  createAuthority,
  isIssuedBy,
  issueServerCertificate,
  type KeyType,
  parseCertificates,
} from "@/lib/x509";
import { sealSecret, unsealSecret } from "../secrets";

/** A server certificate as a KMIP listener needs it. */
export type TlsIdentity = {
  readonly id: string;
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly privateKeyPem: string;
  /** The authority's certificate, to be sent after the server's own. */
  readonly authorityPem: string;
  readonly notAfter: Date;
};

/**
 * Kinds of certificates, the preferred one first. RSA is for clients that cannot use ECDSA; each kind has an
 * authority of its own, as such a client could not check the signature of the other.
 */
export const KEY_TYPES = ["ec", "rsa"] as const satisfies readonly KeyType[];
const DAY_MS = 86_400_000;
/** Certificates with less than this left are made anew at the next start. */
const RENEWAL_DAYS = 30;
/** Any fixed number: all processes of a deployment start at once, one of them makes the certificates. */
const ADVISORY_LOCK = 72_707_371;

type Row = { id: string; certificate_pem: string; private_key_sealed: Buffer; not_after: Date };

/** Id of one of the deployment's own authorities. */
export function authorityId(keyType: KeyType): string {
  return keyType === "ec" ? "ca" : "ca-rsa";
}

/** Id of a zone's certificate; zones are counted from 1. */
export function zoneIdentityId(zone: number, keyType: KeyType): string {
  return keyType === "ec" ? `zone-${zone}` : `zone-${zone}-rsa`;
}

/** Id of the certificate of an instance's own endpoints, which is the same in all zones. */
export function dedicatedIdentityId(instanceId: string, keyType: KeyType): string {
  return keyType === "ec" ? `instance-${instanceId}` : `instance-${instanceId}-rsa`;
}

function purposeOf(id: string): string {
  return `tls:${id}`;
}

async function readRow(client: pg.Pool | pg.PoolClient, id: string): Promise<Row | null> {
  const { rows } = await client.query<Row>(
    "SELECT id, certificate_pem, private_key_sealed, not_after FROM tls_identity WHERE id = $1",
    [id],
  );

  return rows[0] ?? null;
}

function unsealRow(row: Row): CertificateWithKey {
  const key = unsealSecret(row.private_key_sealed, purposeOf(row.id));
  try {
    return { certificatePem: row.certificate_pem, privateKeyPem: key.toString("utf8") };
  } finally {
    key.fill(0);
  }
}

async function store(
  client: pg.PoolClient,
  id: string,
  identity: CertificateWithKey,
  notAfter: Date,
): Promise<void> {
  await client.query(
    `INSERT INTO tls_identity (id, certificate_pem, private_key_sealed, not_after)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO UPDATE SET certificate_pem = excluded.certificate_pem,
       private_key_sealed = excluded.private_key_sealed, not_after = excluded.not_after, created_at = now()`,
    [id, identity.certificatePem, Buffer.from(sealSecret(identity.privateKeyPem, purposeOf(id))), notAfter],
  );
}

function hasTimeLeft(row: Row): boolean {
  return row.not_after.getTime() - Date.now() > RENEWAL_DAYS * DAY_MS;
}

/** Notes in `created` what it makes. */
async function ensureAuthority(
  client: pg.PoolClient,
  keyType: KeyType,
  created: string[],
): Promise<CertificateWithKey> {
  const id = authorityId(keyType);
  const row = await readRow(client, id);
  if (row && hasTimeLeft(row)) {
    return unsealRow(row);
  }

  const authority = await createAuthority({ keyType });
  const [certificate] = parseCertificates(authority.certificatePem);
  if (!certificate) {
    throw new Error("The new authority cannot be read.");
  }
  await store(client, id, authority, certificate.notAfter);
  created.push(id);

  return authority;
}

/** A server certificate that there shall be. */
type WantedServer = {
  readonly id: string;
  readonly hosts: readonly string[];
  readonly authority: CertificateWithKey;
  readonly keyType: KeyType;
  /** Told of one that takes the place of another, which clients may have pinned. */
  readonly onRenewed: ((id: string) => void) | undefined;
};

async function ensureServer(
  client: pg.PoolClient,
  { id, hosts, authority, keyType, onRenewed }: WantedServer,
  created: string[],
): Promise<void> {
  const row = await readRow(client, id);
  if (row && (await fits(row, hosts, authority))) {
    return;
  }

  const issued = await issueServerCertificate({ authority, hosts, keyType });
  await store(client, id, issued, issued.notAfter);
  created.push(id);

  if (row) {
    onRenewed?.(id);
  }
}

/** True when a certificate still fits: time left, all hosts in it, signed by this authority. */
async function fits(row: Row, hosts: readonly string[], authority: CertificateWithKey): Promise<boolean> {
  const [certificate] = parseCertificates(row.certificate_pem);
  const names = new Set(certificate?.subjectAlternativeNames.map((name) => name.replace(/^(dns|ip):/, "")));

  return (
    hasTimeLeft(row) &&
    hosts.every((host) => names.has(host)) &&
    (await isIssuedBy(row.certificate_pem, authority.certificatePem))
  );
}

/** True when the deployment has certificates: their keys are sealed under its master key, which must be kept then. */
export async function hasTlsIdentities(): Promise<boolean> {
  const { rowCount } = await database().pool.query("SELECT 1 FROM tls_identity LIMIT 1");

  return rowCount !== 0;
}

/**
 * Makes the authorities of the deployment and the server certificates of each zone, one of each kind, where they are
 * missing, near their end or lack a host name. A certificate that fits is left alone: vCenter pins it.
 * @param options.hosts names and addresses that clients connect to, e.g. KMIP_PUBLIC_HOST and KMIP_HOST
 * @param options.zones numbers of the zones, from 1
 * @param options.onRenewed told of each server certificate that takes the place of another (see `tellRenewals`)
 * @returns ids of the certificates that were made now
 */
export async function ensureTlsIdentities(options: {
  hosts: readonly string[];
  zones: readonly number[];
  onRenewed?: (id: string) => void;
}): Promise<{ created: string[] }> {
  const { hosts, onRenewed } = options;

  return inLockedTransaction(async (client, created) => {
    for (const keyType of KEY_TYPES) {
      const authority = await ensureAuthority(client, keyType, created);
      for (const zone of options.zones) {
        const id = zoneIdentityId(zone, keyType);
        await ensureServer(client, { id, hosts, authority, keyType, onRenewed }, created);
      }
    }
  });
}

/**
 * The same for the endpoints that serve one instance alone.
 * @param hosts names and addresses that its clients connect to
 */
export async function ensureDedicatedIdentity(
  instanceId: string,
  hosts: readonly string[],
  onRenewed?: (id: string) => void,
): Promise<{ created: string[] }> {
  return inLockedTransaction(async (client, created) => {
    for (const keyType of KEY_TYPES) {
      const authority = await ensureAuthority(client, keyType, created);
      const id = dedicatedIdentityId(instanceId, keyType);
      await ensureServer(client, { id, hosts, authority, keyType, onRenewed }, created);
    }
  });
}

/** Forgets certificates whose instance is gone, or was never kept; what is younger than an hour may be being ordered. */
export async function forgetOrphanedIdentities(): Promise<void> {
  await database().pool.query(
    `DELETE FROM tls_identity t WHERE t.id LIKE 'instance-%' AND t.created_at < now() - interval '1 hour'
       AND NOT EXISTS (SELECT 1 FROM instance i WHERE t.id IN ('instance-' || i.id, 'instance-' || i.id || '-rsa'))`,
  );
}

async function inLockedTransaction(
  work: (client: pg.PoolClient, created: string[]) => Promise<void>,
): Promise<{ created: string[] }> {
  const created: string[] = [];

  await inPoolTransaction(database().pool, (client) => work(client, created), { lock: ADVISORY_LOCK });

  return { created };
}

/**
 * A server certificate with its key, for the listener of a zone.
 * @throws Error when `ensureTlsIdentities` has not made it; MasterKeyError
 */
export async function loadTlsIdentity(zone: number, keyType: KeyType): Promise<TlsIdentity> {
  return loadIdentity(zoneIdentityId(zone, keyType), keyType);
}

/**
 * The same for the listeners that serve one instance alone.
 * @throws Error when `ensureDedicatedIdentity` has not made it; MasterKeyError
 */
export async function loadDedicatedIdentity(instanceId: string, keyType: KeyType): Promise<TlsIdentity> {
  return loadIdentity(dedicatedIdentityId(instanceId, keyType), keyType);
}

async function loadIdentity(id: string, keyType: KeyType): Promise<TlsIdentity> {
  const { pool } = database();
  const [row, authority] = await Promise.all([readRow(pool, id), readRow(pool, authorityId(keyType))]);
  if (!row || !authority) {
    throw new Error(`There is no TLS certificate ${id}.`);
  }

  return { id, ...unsealRow(row), authorityPem: authority.certificate_pem, notAfter: row.not_after };
}

/**
 * The authority that signs clients' requests, with its key.
 * @throws Error when `ensureTlsIdentities` has not run; MasterKeyError
 */
export async function loadAuthority(): Promise<CertificateWithKey> {
  const row = await readRow(database().pool, authorityId("ec"));
  if (!row) {
    throw new Error("The authority of this deployment was not made yet.");
  }

  return unsealRow(row);
}
