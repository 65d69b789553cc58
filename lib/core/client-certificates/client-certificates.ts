import { z } from "zod";
import { database, publishIn } from "@/lib/db";
import type { ClientCertificate, Prisma } from "@/lib/db/generated/client";
import { type Certificate, type Finding, findingsOf, parseCertificates, signCsr } from "@/lib/x509";
import { type Actor, requireRole } from "../actor";
import { audited, type Done } from "../audit";
import { decodeCursor, type Page, toPage } from "../cursor";
import { loadAuthority } from "../endpoints";
import { AppError } from "../errors";
import { LIVING, requireInstance, requireNotRemoving } from "../instance";
import { inTransaction } from "../transaction";
import { uniqueViolation } from "../unique-violation";
import { admittanceOf, EXPIRY_RULE, type ExpiryRule } from "./dates";
import {
  explainPinFailure,
  findHolder,
  holderFinding,
  type NewCertificate,
  pinCertificates,
} from "./pin-certificate";
import { readClientCertificate, toAppError, withCertificateErrors } from "./read-certificate";

/** A pinned certificate, and when its clients are refused for its age; null for never. */
export type ClientCertificateView = ClientCertificate & { readonly refusedFrom: Date | null };

/** One of any instance of the account. */
export type AccountCertificateView = ClientCertificateView & {
  readonly instance: { readonly id: string; readonly name: string };
};

/** A parsed certificate with what is wrong with it. */
export type CertificatePreview = Certificate & { readonly findings: readonly Finding[] };

const certificateCursor = z.tuple([z.uuid()]);
const endCursor = z.tuple([z.iso.datetime(), z.uuid()]);

const DAY_MS = 86_400_000;

function toView(row: ClientCertificate, rule: ExpiryRule): ClientCertificateView {
  return { ...row, refusedFrom: admittanceOf(row, rule).until };
}

async function requireCertificate(
  client: Prisma.TransactionClient,
  actor: Actor,
  instanceId: string,
  certificateId: string,
): Promise<ClientCertificate> {
  const row = await client.clientCertificate.findFirst({
    where: { id: certificateId, instanceId, instance: { accountId: actor.accountId, ...LIVING } },
  });
  if (!row) {
    throw new AppError("NOT_FOUND", "There is no such client certificate.");
  }

  return row;
}

/**
 * Parses what somebody is about to upload. Nothing is stored.
 * @returns every certificate in it, with findings; one that is pinned already is an error there, and of another
 *   account's instance no name is told
 * @throws AppError FORBIDDEN, PRIVATE_KEY_REFUSED, CERTIFICATE_INVALID
 */
export async function previewClientCertificates(
  actor: Actor,
  input: { pem: string },
): Promise<CertificatePreview[]> {
  requireRole(actor, "operator");

  const previews: CertificatePreview[] = [];
  for (const certificate of withCertificateErrors(() => parseCertificates(input.pem))) {
    const holder = await findHolder(actor, certificate.sha256);
    previews.push({
      ...certificate,
      findings: [...(holder ? [holderFinding(holder)] : []), ...findingsOf(certificate)],
    });
  }

  return previews;
}

/**
 * Client certificates of an instance, newest first.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_CURSOR
 */
export async function listClientCertificates(
  actor: Actor,
  instanceId: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<ClientCertificateView>> {
  requireRole(actor, "viewer");

  const { prisma } = database();
  const instance = await requireInstance(actor, instanceId);
  const [below] = query.cursor === undefined ? [undefined] : decodeCursor(query.cursor, certificateCursor);
  const rows = await prisma.clientCertificate.findMany({
    where: { instanceId, ...(below === undefined ? {} : { id: { lt: below } }) },
    // Ids are UUID version 7: they sort by time.
    orderBy: { id: "desc" },
    take: query.limit + 1,
  });

  return toPage(
    rows,
    query.limit,
    (row) => [row.id],
    (row) => toView(row, instance),
  );
}

/**
 * Client certificates of all instances of the account, those that end first come first.
 * @param query.endsWithinDays leaves out those that are valid for longer
 * @throws AppError FORBIDDEN, INVALID_CURSOR
 */
export async function listAccountCertificates(
  actor: Actor,
  query: { limit: number; cursor?: string | undefined; endsWithinDays?: number | undefined },
): Promise<Page<AccountCertificateView>> {
  requireRole(actor, "viewer");

  const [afterEnd, afterId] =
    query.cursor === undefined ? [undefined, undefined] : decodeCursor(query.cursor, endCursor);
  const rows = await database().prisma.clientCertificate.findMany({
    where: {
      instance: { accountId: actor.accountId, status: { not: "removing" }, ...LIVING },
      ...(query.endsWithinDays === undefined
        ? {}
        : { notAfter: { lt: new Date(Date.now() + query.endsWithinDays * DAY_MS) } }),
      ...(afterEnd === undefined
        ? {}
        : { OR: [{ notAfter: { gt: afterEnd } }, { notAfter: afterEnd, id: { gt: afterId } }] }),
    },
    include: { instance: { select: { id: true, name: true, ...EXPIRY_RULE } } },
    orderBy: [{ notAfter: "asc" }, { id: "asc" }],
    take: query.limit + 1,
  });

  return toPage(
    rows,
    query.limit,
    (row) => [row.notAfter.toISOString(), row.id],
    ({ instance: { id, name, ...rule }, ...row }) => ({ ...toView(row, rule), instance: { id, name } }),
  );
}

/** @throws AppError FORBIDDEN, NOT_FOUND */
export async function getClientCertificate(
  actor: Actor,
  instanceId: string,
  certificateId: string,
): Promise<ClientCertificateView> {
  requireRole(actor, "viewer");

  const instance = await requireInstance(actor, instanceId);

  return toView(await requireCertificate(database().prisma, actor, instanceId, certificateId), instance);
}

async function addCertificate(
  actor: Actor,
  instanceId: string,
  added: NewCertificate,
  action: "vmware-solutions.kmip-certificate.create" | "vmware-solutions.kmip-certificate.sign",
): Promise<ClientCertificateView> {
  const { sha256, subject, notAfter } = added.certificate;
  const facts = { sha256, subject, notAfter: notAfter.toISOString() };
  const pin = (done: Done) =>
    inTransaction(async (tx) => {
      const instance = await requireInstance(actor, instanceId, tx);
      requireNotRemoving(instance);
      const [row] = await pinCertificates(tx, actor, instanceId, [added]);
      if (!row) {
        throw new Error("No certificate was pinned.");
      }
      await done(tx, {
        target: { id: row.id, name: row.name },
        requestData: { ...facts, instanceName: instance.name },
      });

      return toView(row, instance);
    });

  return audited(
    actor,
    { action, target: { id: sha256, name: added.name }, instanceId, requestData: facts },
    async (done) => {
      try {
        return await pin(done);
      } catch (error) {
        throw await explainPinFailure(actor, error, [added]);
      }
    },
  );
}

/**
 * Pins an uploaded certificate to an instance: whoever shows it over TLS is this instance's client.
 * @throws AppError FORBIDDEN, NOT_FOUND, PRIVATE_KEY_REFUSED, CERTIFICATE_INVALID, CERTIFICATE_IN_USE, NAME_TAKEN
 */
export async function addClientCertificate(
  actor: Actor,
  instanceId: string,
  input: { name: string; pem: string },
): Promise<ClientCertificateView> {
  requireRole(actor, "operator");
  await requireInstance(actor, instanceId);

  return addCertificate(
    actor,
    instanceId,
    { name: input.name, certificate: readClientCertificate(input.pem), origin: "uploaded" },
    "vmware-solutions.kmip-certificate.create",
  );
}

/**
 * Signs a CSR with the authority of the deployment and pins the certificate.
 * @throws AppError FORBIDDEN, NOT_FOUND, PRIVATE_KEY_REFUSED, CERTIFICATE_INVALID, NAME_TAKEN
 */
export async function signClientCertificate(
  actor: Actor,
  instanceId: string,
  input: { name: string; csrPem: string; validDays: number },
): Promise<ClientCertificateView> {
  requireRole(actor, "operator");
  await requireInstance(actor, instanceId);

  const authority = await loadAuthority();
  let pem: string;
  try {
    ({ certificatePem: pem } = await signCsr({ authority, csrPem: input.csrPem, days: input.validDays }));
  } catch (error) {
    throw toAppError(error);
  }

  return addCertificate(
    actor,
    instanceId,
    { name: input.name, certificate: readClientCertificate(pem), origin: "signed" },
    "vmware-solutions.kmip-certificate.sign",
  );
}

/**
 * Renames a client certificate.
 * @throws AppError FORBIDDEN, NOT_FOUND, NAME_TAKEN
 */
export async function renameClientCertificate(
  actor: Actor,
  instanceId: string,
  certificateId: string,
  input: { name: string },
): Promise<ClientCertificateView> {
  requireRole(actor, "operator");

  const taken = () =>
    new AppError("NAME_TAKEN", `Another certificate of this instance has the name ${input.name}.`, {
      invalidParams: [{ name: "name", code: "NAME_TAKEN", reason: "is taken" }],
    });

  const rename = (done: Done) =>
    inTransaction(async (tx) => {
      const instance = await requireInstance(actor, instanceId, tx);
      const row = await requireCertificate(tx, actor, instanceId, certificateId);
      if (row.name === input.name) {
        return toView(row, instance);
      }

      const renamed = await tx.clientCertificate.update({
        where: { id: row.id },
        data: { name: input.name },
      });
      await done(tx, { requestData: { from: row.name, to: input.name } });

      return toView(renamed, instance);
    });

  return audited(
    actor,
    {
      action: "vmware-solutions.kmip-certificate.update",
      target: { id: certificateId, name: input.name },
      instanceId,
      requestData: { to: input.name },
    },
    (done) =>
      rename(done).catch((error: unknown) => {
        throw uniqueViolation(error) === null ? error : taken();
      }),
  );
}

/**
 * Removes a client certificate. Its client gets nothing more from the moment this returns, and its open connections
 * are closed on every endpoint; adding the certificate again gives the keys back.
 * @throws AppError FORBIDDEN, NOT_FOUND
 */
export async function removeClientCertificate(
  actor: Actor,
  instanceId: string,
  certificateId: string,
): Promise<void> {
  requireRole(actor, "operator");

  const remove = (done: Done) =>
    inTransaction(async (tx) => {
      const row = await requireCertificate(tx, actor, instanceId, certificateId);
      const { count } = await tx.clientCertificate.deleteMany({ where: { id: row.id } });
      // Somebody else removed it between the two statements: it is gone, and counted once.
      if (count === 0) {
        throw new AppError("NOT_FOUND", "There is no such client certificate.");
      }

      await tx.instance.update({
        where: { id: instanceId },
        data: { clientCertificateCount: { decrement: 1 } },
      });
      await publishIn(tx, { type: "certificate.removed", instanceId, sha256: row.sha256 });
      await done(tx, {
        target: { id: row.id, name: row.name },
        requestData: { sha256: row.sha256, subject: row.subject },
      });
    });

  await audited(
    actor,
    {
      action: "vmware-solutions.kmip-certificate.delete",
      target: { id: certificateId },
      instanceId,
    },
    remove,
  );
}

/** What is wrong with a pinned certificate today; one that has expired meanwhile is still listed. */
export function certificateFindings(row: Pick<ClientCertificate, "pem">): Finding[] {
  const [certificate] = parseCertificates(row.pem);

  return certificate === undefined ? [] : findingsOf(certificate);
}
