import type { KeyManagerKind as KeyManagerKindColumn, Prisma } from "@/lib/db/generated/client";
import { parseCrn } from "@/lib/ibm-cloud/crn";
import type { Secret } from "@/lib/ibm-cloud/secret";
import type { KeyManagerKind } from "@/lib/key-managers/key-manager";
import type { Actor } from "../actor";
import { AppError } from "../errors";
import { givenEndpoint } from "../key-managers/credentials";
import { hasDeploymentIdentity } from "../key-managers/deployment-identity";
import { ibmCloud } from "../key-managers/ibm-cloud";
import { apiKeyPurpose } from "../key-managers/open-key-manager";
import { requireModules } from "../key-managers/open-token";
import { takenKeyManagers } from "../key-managers/taken-key-managers";
import type { PermissionCheckTrigger } from "../permissions/record-permission-check";
import { KEY_STATE_NUMBERS, type PermissionFacts, type PermissionReport } from "../permissions/report";
import { runPermissionChecks } from "../permissions/run-permission-checks";
import { sealSecret } from "../secrets";

/** Which key manager and root key an instance shall use. */
export type KeyManagerSelection = {
  readonly kind: KeyManagerKind;
  /** API key of the service ID, or PIN of the token. */
  readonly apiKey?: string | undefined;
  readonly crn: string;
  readonly keyRing?: string | undefined;
  readonly crkId: string;
  /** Base URL in place of the one that IBM Cloud names. */
  readonly endpoint?: string | undefined;
};

/** A selection whose permission report has no failure. */
export type ValidatedSelection = {
  readonly selection: KeyManagerSelection;
  readonly report: PermissionReport;
  readonly facts: PermissionFacts;
};

/**
 * Runs the permission checks for what somebody chose, before anything is kept. An HPCS instance needs no API key where
 * it can authorize the KMIP instance.
 * @param instanceId of the KMIP instance that it is for
 * @throws AppError VALIDATION_FAILED without an API key; PERMISSION_CHECK_FAILED with the report in `extra.report`;
 *   NOT_AVAILABLE
 */
export async function validateSelection(
  actor: Actor,
  instanceId: string,
  selection: KeyManagerSelection,
): Promise<ValidatedSelection> {
  const { apiKey, kind } = selection;
  if (kind === "pkcs11") {
    requireModules();
  }
  const authorizedFor =
    apiKey === undefined && kind === "hpcs" && hasDeploymentIdentity() ? instanceId : undefined;
  if (apiKey === undefined && authorizedFor === undefined) {
    throw new AppError(
      "VALIDATION_FAILED",
      kind === "pkcs11" ? "The PIN of the token is needed." : "The API key of a service ID is needed.",
      {
        invalidParams: [{ name: "keyManager.apiKey", code: "required", reason: "is needed" }],
      },
    );
  }

  const { endpoint, ...choice } = selection;
  const { report, facts } = await checkPermissions(actor, {
    ...choice,
    apiKey,
    authorizedFor,
    givenEndpoint: givenEndpoint(ibmCloud(), endpoint, "keyManager.endpoint"),
  });

  return { selection, report, facts };
}

/** The checks behind validateSelection, with an API key in either form or for an authorization. */
export async function checkPermissions(
  actor: Actor,
  target: Omit<KeyManagerSelection, "apiKey" | "keyRing" | "endpoint"> & {
    readonly apiKey?: string | Secret | undefined;
    readonly authorizedFor?: string | undefined;
    readonly keyRing?: string | null | undefined;
    /** Last known base URL. */
    readonly endpoint?: string | null;
    /** Base URL that a person gave. */
    readonly givenEndpoint?: string | null | undefined;
  },
): Promise<{ report: PermissionReport; facts: PermissionFacts }> {
  const { report, facts } = await runPermissionChecks({
    kind: target.kind,
    apiKey: target.apiKey,
    authorizedFor: target.authorizedFor,
    keyManagerCrn: target.crn,
    crkId: target.crkId,
    keyRing: target.keyRing,
    endpoint: target.endpoint,
    givenEndpoint: target.givenEndpoint,
    correlationId: actor.requestId,
  });
  if (!report.ok || facts.keyManager === null || facts.crk === null) {
    throw new AppError(
      "PERMISSION_CHECK_FAILED",
      "The key manager cannot be used like this. The report says what is missing and how to mend it.",
      { extra: { report } },
    );
  }

  return { report, facts };
}

/** Nothing of the other instance is told: it may be another account's. */
export function keyManagerTaken(): AppError {
  return new AppError(
    "KEY_MANAGER_IN_USE",
    "This Hyper Protect Crypto Services instance has a KMIP instance already, and can have one only. Choose another, or delete that KMIP instance first.",
    { invalidParams: [{ name: "keyManager.crn", code: "KEY_MANAGER_IN_USE", reason: "is in use" }] },
  );
}

/**
 * Says early what the database would say in the end.
 * @throws AppError KEY_MANAGER_IN_USE when an HPCS instance has a KMIP instance already
 */
export async function requireFreeKeyManager(
  selection: Pick<KeyManagerSelection, "kind" | "crn">,
): Promise<void> {
  const guid = selection.kind === "hpcs" ? parseCrn(selection.crn)?.instance : undefined;
  if (guid !== undefined && (await takenKeyManagers([guid])).has(guid)) {
    throw keyManagerTaken();
  }
}

/** How the database spells a kind in Prisma. */
export function kindColumn(kind: KeyManagerKind): KeyManagerKindColumn {
  return kind === "key-protect" ? "keyProtect" : kind;
}

/** The columns that what the checks learned fills. */
export function factColumns(facts: PermissionFacts, report: PermissionReport) {
  const checkedAt = new Date(report.checkedAt);
  const { keyManager, crk } = facts;

  return {
    ...(keyManager === null
      ? {}
      : {
          keyManagerCrn: keyManager.crn,
          keyManagerGuid: keyManager.guid,
          keyManagerName: keyManager.name,
          keyManagerEndpoint: keyManager.endpoint,
        }),
    ...(crk === null
      ? {}
      : {
          crkId: crk.id,
          crkName: crk.name,
          crkState: KEY_STATE_NUMBERS[crk.state],
          crkVersion: crk.currentVersion,
          crkSeenAt: checkedAt,
        }),
    serviceId: facts.serviceId,
    serviceIdName: facts.serviceIdName,
    lastCheckOk: report.ok,
    lastCheckAt: checkedAt,
  } satisfies Prisma.InstanceUpdateInput;
}

/** All columns of a key manager for an instance of this id; the API key, if there is one, is sealed for it alone. */
export function selectionColumns(instanceId: string, { selection, facts, report }: ValidatedSelection) {
  return {
    keyManagerKind: kindColumn(selection.kind),
    keyRing: selection.keyRing ?? facts.crk?.keyRing ?? null,
    keyManagerEndpointGiven: (selection.endpoint?.trim() ?? "") !== "",
    apiKeySealed:
      selection.apiKey === undefined ? null : sealSecret(selection.apiKey, apiKeyPurpose(instanceId)),
    ...factColumns(facts, report),
  } satisfies Prisma.InstanceUpdateInput;
}

/** Keeps the report of checks that ran before the instance's change, in the change's transaction. */
export async function keepReport(
  tx: Prisma.TransactionClient,
  instanceId: string,
  report: PermissionReport,
  trigger: PermissionCheckTrigger,
): Promise<void> {
  await tx.permissionCheck.create({
    data: { instanceId, ok: report.ok, trigger, report, checkedAt: new Date(report.checkedAt) },
  });
}
