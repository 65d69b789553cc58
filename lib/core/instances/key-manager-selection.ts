import type { Prisma } from "@/lib/db/generated/client";
import type { Secret } from "@/lib/ibm-cloud/secret";
import { givenEndpoint } from "@/lib/key-managers/given-endpoint";
import { type Credential, type Provider, ProviderError } from "@/lib/key-managers/provider";
import type { Actor } from "../actor";
import { AppError } from "../errors";
import { credentialInHand, isByAuthorization, secretMissing } from "../key-managers/credentials";
import { ibmCloud } from "../key-managers/ibm-cloud";
import { apiKeyPurpose } from "../key-managers/open-key-manager";
import { requireProvider, requireUsable } from "../key-managers/providers";
import { recordCall } from "../key-managers/record-call";
import { claimOf, takenKeyManagers } from "../key-managers/taken-key-managers";
import { toAppError } from "../key-managers/to-app-error";
import type { PermissionCheckTrigger } from "../permissions/record-permission-check";
import {
  KEY_STATE_NUMBERS,
  type PermissionFacts,
  type PermissionReport,
  recordOf,
} from "../permissions/report";
import { runPermissionChecks } from "../permissions/run-permission-checks";
import { sealSecret } from "../secrets";

/** How an order calls the fields that providers know. */
const FIELDS = { kind: "keyManager.kind", endpoint: "keyManager.endpoint" } as const;

/** Which key manager and root key an instance shall use. */
export type KeyManagerSelection = {
  readonly kind: string;
  /** API key of the service ID, or PIN of the token. */
  readonly apiKey?: string | undefined;
  readonly crn: string;
  readonly keyRing?: string | undefined;
  readonly crkId: string;
  /** Base URL in place of the one that IBM Cloud names; with an API key only. */
  readonly endpoint?: string | undefined;
};

/** A selection whose permission report has no failure. */
export type ValidatedSelection = {
  readonly selection: KeyManagerSelection;
  readonly report: PermissionReport;
  readonly facts: PermissionFacts;
};

/**
 * Runs the permission checks for what somebody chose, before anything is kept. No API key is needed where the key manager
 * can authorize the KMIP instance.
 * @param instanceId of the KMIP instance that it is for
 * @throws AppError VALIDATION_FAILED without an API key; PERMISSION_CHECK_FAILED with the report in `extra.report`;
 *   NOT_AVAILABLE
 */
export async function validateSelection(
  actor: Actor,
  instanceId: string,
  selection: KeyManagerSelection,
): Promise<ValidatedSelection> {
  const provider = requireProvider(selection.kind, FIELDS);
  requireUsable(provider);

  const authorizedFor = isByAuthorization(provider, selection) ? instanceId : undefined;
  if (selection.apiKey === undefined && authorizedFor === undefined) {
    throw secretMissing(provider);
  }

  const { report, facts } = await checkPermissions(actor, instanceId, {
    ...selection,
    authorizedFor,
    endpoint: null,
    givenEndpoint: readEndpoint(
      credentialInHand(provider, { apiKey: selection.apiKey, authorizedFor }),
      selection,
    ),
  });

  return { selection, report, facts };
}

/** @throws AppError VALIDATION_FAILED */
function readEndpoint(
  credential: Credential,
  { endpoint }: Pick<KeyManagerSelection, "endpoint">,
): string | undefined {
  try {
    return givenEndpoint(ibmCloud(), credential, endpoint);
  } catch (error) {
    throw toAppError(error, FIELDS);
  }
}

/**
 * The checks behind validateSelection, with an API key in either form or for an authorization; recorded with the address
 * that was asked, also where the order or change then comes to nothing.
 */
export async function checkPermissions(
  actor: Actor,
  instanceId: string,
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
  const { report, facts } = await recordCall(
    actor,
    {
      action: "vmware-solutions.permission-check.run",
      kind: target.kind,
      keyManagerCrn: target.crn,
      endpoint: target.givenEndpoint ?? target.endpoint,
      instanceId,
      ownSecret: typeof target.apiKey === "string",
    },
    () =>
      runPermissionChecks({
        kind: target.kind,
        apiKey: target.apiKey,
        authorizedFor: target.authorizedFor,
        keyManagerCrn: target.crn,
        crkId: target.crkId,
        keyRing: target.keyRing,
        endpoint: target.endpoint,
        givenEndpoint: target.givenEndpoint,
        correlationId: actor.requestId,
      }),
    recordOf,
  );
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
export function keyManagerTaken({ kind }: Pick<KeyManagerSelection, "kind">): AppError {
  return new AppError(
    "KEY_MANAGER_IN_USE",
    `This ${requireProvider(kind, FIELDS).title} instance has a KMIP instance already, and can have one only. Choose another, or delete that KMIP instance first.`,
    { invalidParams: [{ name: "keyManager.crn", code: "KEY_MANAGER_IN_USE", reason: "is in use" }] },
  );
}

/**
 * Says early what the database would say in the end.
 * @throws AppError KEY_MANAGER_IN_USE when a key manager instance that can have one KMIP instance only has it already
 */
export async function requireFreeKeyManager(
  selection: Pick<KeyManagerSelection, "kind" | "crn">,
): Promise<void> {
  const provider = requireProvider(selection.kind, FIELDS);
  if (!provider.oneInstanceEach) {
    return;
  }

  const guid = guidOf(provider, selection.crn);
  if (guid !== null && (await takenKeyManagers(provider, [guid])).has(guid)) {
    throw keyManagerTaken(selection);
  }
}

/** Null for an address that is none: the checks say so. */
function guidOf(provider: Provider, crn: string): string | null {
  try {
    return provider.guidOf(crn);
  } catch (error) {
    if (error instanceof ProviderError) {
      return null;
    }

    throw error;
  }
}

/** True when an instance with this key manager has endpoints of its own. */
export function isDedicated(validated: ValidatedSelection | null): boolean {
  return validated !== null && requireProvider(validated.selection.kind, FIELDS).dedicatedEndpoint;
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
  const provider = requireProvider(selection.kind, FIELDS);

  return {
    keyManagerKind: provider.kind,
    dedicated: provider.dedicatedEndpoint,
    keyManagerClaim: facts.keyManager === null ? null : claimOf(provider, facts.keyManager.guid),
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
