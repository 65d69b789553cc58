import { database, publishIn } from "@/lib/db";
import type { ClientCertificate, Prisma } from "@/lib/db/generated/client";
import type { Certificate, Finding } from "@/lib/x509";
import type { Actor } from "../actor";
import { AppError } from "../errors";
import { LIVING } from "../instance";
import { uniqueViolation } from "../unique-violation";

/** A certificate that shall be pinned to an instance. */
export type NewCertificate = {
  readonly name: string;
  readonly certificate: Certificate;
  readonly origin: "uploaded" | "signed";
};

/** Where a certificate is pinned already, as far as the actor may know. */
export type CertificateHolder = {
  readonly instance: { readonly id: string; readonly name: string } | null;
  /** Its name there; null where the instance is. */
  readonly certificateName: string | null;
};

/**
 * Who holds a certificate of the deployment; an instance of another account is never named. Those of deleted instances
 * are free.
 */
export async function findHolder(
  actor: Pick<Actor, "accountId">,
  sha256: string,
  client: Prisma.TransactionClient = database().prisma,
): Promise<CertificateHolder | null> {
  const row = await client.clientCertificate.findFirst({
    where: { sha256, releasedAt: null },
    select: { name: true, instance: { select: { id: true, name: true, accountId: true } } },
  });
  if (!row) {
    return null;
  }

  const { id, name, accountId } = row.instance;

  return accountId === actor.accountId
    ? { instance: { id, name }, certificateName: row.name }
    : { instance: null, certificateName: null };
}

/** The finding about a certificate that is pinned already. */
export function holderFinding({ instance, certificateName }: CertificateHolder): Finding {
  return {
    severity: "error",
    code: "CERTIFICATE_IN_USE",
    params:
      instance === null
        ? { holder: "hidden" }
        : { holder: "certificate", instanceName: instance.name, certificateName: certificateName ?? "" },
  };
}

function nameTaken(name: string): AppError {
  return new AppError("NAME_TAKEN", `Another certificate of this instance has the name ${name}.`, {
    invalidParams: [{ name: "name", code: "NAME_TAKEN", reason: "is taken" }],
  });
}

function inUse(holder: CertificateHolder): AppError {
  const { instance } = holder;
  const where = instance === null ? "" : ` (${instance.name})`;

  return new AppError("CERTIFICATE_IN_USE", `The certificate is pinned already${where}.`, {
    extra: { ...holder },
    text: { of: "certificate", findings: [holderFinding(holder)] },
  });
}

/**
 * Refuses certificates that cannot be pinned together: names or certificates twice, or pinned already. Only for a
 * clear answer before anything is done: the database decides.
 * @throws AppError NAME_TAKEN | CERTIFICATE_IN_USE
 */
export async function requirePinnable(actor: Actor, certificates: readonly NewCertificate[]): Promise<void> {
  const names = new Set<string>();
  const fingerprints = new Set<string>();
  for (const { name, certificate } of certificates) {
    if (names.has(name)) {
      throw nameTaken(name);
    }
    if (fingerprints.has(certificate.sha256)) {
      throw new AppError("CERTIFICATE_IN_USE", `The certificate ${name} is in the request twice.`);
    }
    names.add(name);
    fingerprints.add(certificate.sha256);

    const holder = await findHolder(actor, certificate.sha256);
    if (holder) {
      throw inUse(holder);
    }
  }
}

/**
 * Pins certificates to an instance inside the caller's transaction: rows, the instance's count, and the news for
 * every endpoint when the transaction commits.
 */
export async function pinCertificates(
  tx: Prisma.TransactionClient,
  actor: Actor,
  instanceId: string,
  certificates: readonly NewCertificate[],
): Promise<ClientCertificate[]> {
  const rows: ClientCertificate[] = [];
  for (const { name, certificate, origin } of certificates) {
    const { sha256, pem, subject, issuer, serialNumber, notBefore, notAfter, keyAlgorithm, keySize } =
      certificate;
    rows.push(
      await tx.clientCertificate.create({
        data: {
          instanceId,
          name,
          sha256,
          pem,
          subject,
          issuer,
          serialNumber,
          notBefore,
          notAfter,
          keyAlgorithm,
          keySize,
          origin,
          createdBy: actor.name,
        },
      }),
    );
    await publishIn(tx, { type: "certificate.added", instanceId, sha256 });
  }
  if (rows.length > 0) {
    const { count } = await tx.instance.updateMany({
      where: { id: instanceId, ...LIVING },
      data: { clientCertificateCount: { increment: rows.length } },
    });
    // Deleted since it was looked up: a certificate that is pinned now would select nobody, and be free for nobody.
    if (count === 0) {
      throw new AppError("NOT_FOUND", "There is no such instance.");
    }
  }

  return rows;
}

/**
 * The error for a broken unique constraint of client certificates; another error comes back as it is.
 * @param certificates those that were being pinned
 */
export async function explainPinFailure(
  actor: Actor,
  error: unknown,
  certificates: readonly NewCertificate[],
): Promise<unknown> {
  const constraint = uniqueViolation(error);
  if (constraint === null) {
    return error;
  }

  for (const { certificate } of certificates) {
    const holder = await findHolder(actor, certificate.sha256);
    if (holder) {
      return inUse(holder);
    }
  }
  const [first] = certificates;

  return constraint.includes("instance_id") && first ? nameTaken(first.name) : error;
}
