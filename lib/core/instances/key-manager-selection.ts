import type { KeyManagerKind as KeyManagerKindColumn, Prisma } from "@/lib/db/generated/client";
import type { Secret } from "@/lib/ibm-cloud/secret";
import type { KeyManagerKind } from "@/lib/key-managers/key-manager";
import type { Actor } from "../actor";
import { AppError } from "../errors";
import { givenEndpoint } from "../key-managers/credentials";
import { ibmCloud } from "../key-managers/ibm-cloud";
import { apiKeyPurpose } from "../key-managers/open-key-manager";
import { requireModules } from "../key-managers/open-token";
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
  readonly selection: KeyManagerSelection & { readonly apiKey: string };
  readonly report: PermissionReport;
  readonly facts: PermissionFacts;
};

/**
 * Runs the permission checks for what somebody chose, before anything is kept.
 * @throws AppError VALIDATION_FAILED without an API key; PERMISSION_CHECK_FAILED with the report in `extra.report`;
 *   NOT_AVAILABLE
 */
export async function validateSelection(
  actor: Actor,
  selection: KeyManagerSelection,
): Promise<ValidatedSelection> {
  const { apiKey } = selection;
  if (selection.kind === "pkcs11") requireModules();
  if (apiKey === undefined) {
    throw new AppError(
      "VALIDATION_FAILED",
      selection.kind === "pkcs11"
        ? "The PIN of the token is needed."
        : "The API key of a service ID is needed.",
      {
        invalidParams: [{ name: "keyManager.apiKey", code: "required", reason: "is needed" }],
      },
    );
  }

  const { endpoint, ...choice } = selection;
  const { report, facts } = await checkPermissions(actor, {
    ...choice,
    apiKey,
    givenEndpoint: givenEndpoint(ibmCloud(), endpoint, "keyManager.endpoint"),
  });

  return { selection: { ...selection, apiKey }, report, facts };
}

/** The checks behind validateSelection, with an API key in either form. */
export async function checkPermissions(
  actor: Actor,
  target: Omit<KeyManagerSelection, "apiKey" | "keyRing" | "endpoint"> & {
    readonly apiKey: string | Secret;
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

/** All columns of a key manager for an instance of this id; the API key is sealed for it alone. */
export function selectionColumns(instanceId: string, { selection, facts, report }: ValidatedSelection) {
  return {
    keyManagerKind: kindColumn(selection.kind),
    keyRing: selection.keyRing ?? facts.crk?.keyRing ?? null,
    keyManagerEndpointGiven: (selection.endpoint?.trim() ?? "") !== "",
    apiKeySealed: sealSecret(selection.apiKey, apiKeyPurpose(instanceId)),
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
