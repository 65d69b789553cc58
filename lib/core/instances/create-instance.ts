import { createUuid7 } from "@/lib/audit/uuid7";
import { database, publishIn } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { audited, type Done } from "../audit";
import {
  explainPinFailure,
  type NewCertificate,
  pinCertificates,
  requirePinnable,
} from "../client-certificates/pin-certificate";
import { readClientCertificate } from "../client-certificates/read-certificate";
import { assignDedicatedPorts, prepareDedicatedIdentity } from "../endpoints";
import { AppError } from "../errors";
import { LIVING, requireInstance, WITHOUT_API_KEY } from "../instance";
import { inTransaction } from "../transaction";
import { uniqueViolation } from "../unique-violation";
import { type ExpiryChange, type InstanceView, instanceNameTaken, withEndpoints } from "./instance-row";
import {
  isDedicated,
  type KeyManagerSelection,
  keepReport,
  keyManagerTaken,
  requireFreeKeyManager,
  selectionColumns,
  type ValidatedSelection,
  validateSelection,
} from "./key-manager-selection";

export type CertificateUpload = { readonly name: string; readonly pem: string };

export type CreateInstanceInput = {
  readonly name: string;
  readonly region: string;
  readonly resourceGroup?: string | undefined;
  /** Absent: the instance is only ordered, and activated later. */
  readonly keyManager?: KeyManagerSelection | undefined;
  readonly clientCertificates?: readonly CertificateUpload[] | undefined;
  readonly cachePolicy?:
    | { readonly cacheTtlSeconds?: number | undefined; readonly outageGraceSeconds?: number | undefined }
    | undefined;
  readonly activateOnCreate?: boolean | undefined;
  readonly expiredCertificates?: ExpiryChange | undefined;
};

const makeId = createUuid7();

/** Reads uploads; an error says which of them it is about. */
function readUploads(uploads: readonly CertificateUpload[]): NewCertificate[] {
  return uploads.map(({ name, pem }, index) => {
    try {
      return { name, certificate: readClientCertificate(pem), origin: "uploaded" };
    } catch (error) {
      if (!(error instanceof AppError)) {
        throw error;
      }
      throw new AppError(error.code, error.message, {
        invalidParams: [{ name: `clientCertificates.${index}.pem`, code: error.code, reason: error.message }],
        extra: { ...error.extra },
        text: error.text,
      });
    }
  });
}

/** Facts for the audit event; never the API key. */
function selectionFacts(validated: ValidatedSelection | null): Record<string, unknown> {
  return validated === null
    ? {}
    : {
        keyManager: validated.selection.kind,
        keyManagerCrn: validated.selection.crn,
        crkId: validated.selection.crkId,
        serviceId: validated.facts.serviceId,
        ...(validated.selection.apiKey === undefined ? { credentials: "service authorization" } : {}),
      };
}

/**
 * Orders an instance. Everything is checked before anything is kept: certificates, name, and the permissions of the
 * service ID; then instance, certificates and permission report are kept together, or nothing is.
 * @returns the instance, `installed`, or `inactive` without a key manager
 * @throws AppError FORBIDDEN, NAME_TAKEN, PRIVATE_KEY_REFUSED, CERTIFICATE_INVALID, CERTIFICATE_IN_USE,
 *   KEY_MANAGER_IN_USE, PERMISSION_CHECK_FAILED (`extra.report`), NOT_AVAILABLE, AUDIT_UNAVAILABLE
 */
export async function createInstance(actor: Actor, input: CreateInstanceInput): Promise<InstanceView> {
  requireRole(actor, "administrator");

  const certificates = readUploads(input.clientCertificates ?? []);
  const { prisma } = database();
  const sameName = await prisma.instance.findFirst({
    where: { accountId: actor.accountId, name: input.name, ...LIVING },
    select: { id: true },
  });
  if (sameName) {
    throw instanceNameTaken(input.name);
  }
  await requirePinnable(actor, certificates);

  if (input.keyManager !== undefined) {
    await requireFreeKeyManager(input.keyManager);
  }
  const id = makeId(new Date());
  const validated =
    input.keyManager === undefined ? null : await validateSelection(actor, id, input.keyManager);
  if (isDedicated(validated)) {
    await prepareDedicatedIdentity(id);
  }

  await audited(
    actor,
    {
      action: "vmware-solutions.service.create",
      target: { id, name: input.name },
      instanceId: id,
      requestData: {
        region: input.region,
        ...selectionFacts(validated),
        clientCertificates: certificates.map(({ certificate }) => certificate.sha256),
      },
    },
    async (done) => {
      try {
        await keepInstance(actor, { id, input, validated, certificates }, done);
      } catch (error) {
        throw await explainFailure(actor, error, input, certificates);
      }
    },
  );

  return readBack(actor, id);
}

/** An instance that has been checked, with what belongs to it. */
type CheckedInstance = {
  readonly id: string;
  readonly input: CreateInstanceInput;
  readonly validated: ValidatedSelection | null;
  readonly certificates: readonly NewCertificate[];
};

function keepInstance(
  actor: Actor,
  { id, input, validated, certificates }: CheckedInstance,
  done: Done,
): Promise<void> {
  return inTransaction(async (tx) => {
    await tx.instance.create({
      data: {
        id,
        accountId: actor.accountId,
        name: input.name,
        region: input.region,
        resourceGroup: input.resourceGroup ?? null,
        status: validated === null ? "inactive" : "installed",
        createdBy: actor.name,
        ...definedOnly(input.cachePolicy ?? {}),
        ...definedOnly({
          activateOnCreate: input.activateOnCreate,
          expiredCertificates: input.expiredCertificates?.rule,
          expiredGraceDays: input.expiredCertificates?.graceDays,
        }),
        ...(validated === null ? {} : selectionColumns(id, validated)),
      },
      omit: WITHOUT_API_KEY,
    });
    if (isDedicated(validated)) {
      await assignDedicatedPorts(tx, id);
    }
    if (validated !== null) {
      await keepReport(tx, id, validated.report, "order");
    }
    await pinCertificates(tx, actor, id, certificates);
    await publishIn(tx, { type: "instance.changed", instanceId: id });
    await done(tx);
  });
}

/**
 * Connects an ordered instance to its key manager.
 * @throws AppError as createInstance, and NOT_FOUND, INVALID_STATE when it is not `inactive`
 */
export async function activateInstance(
  actor: Actor,
  instanceId: string,
  input: {
    readonly keyManager: KeyManagerSelection;
    readonly clientCertificates?: readonly CertificateUpload[] | undefined;
  },
): Promise<InstanceView> {
  requireRole(actor, "administrator");

  const row = await requireInstance(actor, instanceId);
  const notInactive = () =>
    new AppError(
      "INVALID_STATE",
      "Only an inactive instance can be activated; this one is connected already.",
    );
  if (row.status !== "inactive") {
    throw notInactive();
  }

  const certificates = readUploads(input.clientCertificates ?? []);
  await requirePinnable(actor, certificates);
  await requireFreeKeyManager(input.keyManager);
  const validated = await validateSelection(actor, instanceId, input.keyManager);
  if (isDedicated(validated)) {
    await prepareDedicatedIdentity(instanceId);
  }

  const activate = (done: Done) =>
    inTransaction(async (tx) => {
      const { count } = await tx.instance.updateMany({
        where: { id: instanceId, accountId: actor.accountId, status: "inactive", ...LIVING },
        data: { status: "installed", statusReason: null, ...selectionColumns(instanceId, validated) },
      });
      // Two activations at once: the second finds it installed.
      if (count === 0) {
        throw notInactive();
      }

      if (isDedicated(validated)) {
        await assignDedicatedPorts(tx, instanceId);
      }
      await keepReport(tx, instanceId, validated.report, "activate");
      await pinCertificates(tx, actor, instanceId, certificates);
      await publishIn(tx, { type: "instance.changed", instanceId });
      await done(tx);
    });

  await audited(
    actor,
    {
      action: "vmware-solutions.service.activate",
      target: { id: instanceId, name: row.name },
      instanceId,
      requestData: {
        ...selectionFacts(validated),
        clientCertificates: certificates.map(({ certificate }) => certificate.sha256),
      },
    },
    (done) =>
      activate(done).catch(async (error: unknown) => {
        throw await explainFailure(actor, error, { name: row.name, ...input }, certificates);
      }),
  );

  return readBack(actor, instanceId);
}

async function explainFailure(
  actor: Actor,
  error: unknown,
  input: Pick<CreateInstanceInput, "name" | "keyManager">,
  certificates: readonly NewCertificate[],
): Promise<unknown> {
  const { name, keyManager } = input;
  const constraint = uniqueViolation(error);
  if (constraint?.includes("account_id")) {
    return instanceNameTaken(name);
  }
  if (constraint?.includes("key_manager_claim") && keyManager !== undefined) {
    return keyManagerTaken(keyManager);
  }

  return constraint === null ? error : explainPinFailure(actor, error, certificates);
}

async function readBack(actor: Actor, id: string): Promise<InstanceView> {
  return withEndpoints(await requireInstance(actor, id));
}

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** Leaves out what is undefined, so that the database's defaults apply. */
function definedOnly<T extends object>(values: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<
    Defined<T>
  >;
}
