import type { KmipAuditRecord, Tenant } from "@/lib/kmip/ports";
import { OPERATIONS, RESULT_REASONS } from "@/lib/kmip/protocol/enumerations";
import type { AuditEventInput } from "./event";
import {
  failureSeverity,
  KMIP_ACTIONS,
  KMIP_DEFAULT_ACTION,
  type KmipAction,
  reasonOf,
  targetTypeOf,
  UNDONE,
} from "./kmip-actions";

/** What the record itself does not know about its tenant. */
export type KmipEventContext = {
  readonly accountId: string | null;
  readonly instanceName: string | null;
  readonly certificateName: string | null;
};

type EventReason = NonNullable<AuditEventInput["reason"]>;

/** Identifiers that an event of several objects lists. */
const MAX_LISTED = 100;
const MAX_DETAIL = 1_000;
/** Who a probe is, in events. */
const PROBE_NAME = "connection test";

function actionOf(operation: number | null): KmipAction {
  return (operation === null ? undefined : KMIP_ACTIONS.get(operation)) ?? KMIP_DEFAULT_ACTION;
}

function eventOf(
  record: KmipAuditRecord,
  context: KmipEventContext,
  uniqueIdentifier: string | null,
): AuditEventInput {
  const { action, severity, phrase, single } = actionOf(record.operation);
  const failed = record.outcome === "failure";
  const undone = record.undone === true;
  const reason = undone ? UNDONE : reasonOf(record.resultReason);
  const why = undone ? "Undone, because its batch failed" : record.message;
  const operation = record.operation === null ? null : (OPERATIONS.nameOf(record.operation) ?? null);
  const { probe } = record.tenant;

  return {
    action,
    outcome: record.outcome,
    severity: failed ? failureSeverity(reason.code) : severity,
    message: `VMware Solutions: ${phrase}${uniqueIdentifier === null ? "" : ` ${uniqueIdentifier}`}${failed ? " -failure" : ""}`,
    accountId: context.accountId,
    instanceId: record.tenant.instanceId,
    dataEvent: true,
    correlationId: record.requestId,
    initiator: {
      id: `CertificateID-${record.tenant.certificateSha256}`,
      name: probe === undefined ? (context.certificateName ?? record.tenant.certificateSha256) : PROBE_NAME,
      typeURI: "service/security/client/certificateid",
      credentialType: "certificate",
      address: record.remoteAddress,
      agent: null,
    },
    target: {
      id: uniqueIdentifier ?? record.tenant.instanceId,
      name: uniqueIdentifier === null ? context.instanceName : null,
      typeURI: targetTypeOf(action),
    },
    reason: failed ? failureReason(reason, why) : SUCCESS,
    requestData: {
      ...record.data,
      operation: operation ?? record.operation,
      protocolVersion: record.protocolVersion,
      instanceID: record.tenant.instanceId,
      ...(probe === undefined
        ? { certificateId: record.tenant.certificateId }
        : { connectionTest: probe.id }),
      remotePort: record.remotePort,
    },
    responseData:
      single || failed || record.detail !== undefined ? answerData(record, single) : served(record),
    like:
      single ||
      failed ||
      uniqueIdentifier === null ||
      record.data !== undefined ||
      record.detail !== undefined
        ? undefined
        : likenessOf(record, context),
  };
}

type Likenesses = { readonly context: KmipEventContext; readonly byKind: Map<string, object> };

const likenesses = new WeakMap<Tenant, Likenesses>();

/** What successes of one tenant have in common that tell nothing but the object (see `like` of AuditEventInput). */
function likenessOf(record: KmipAuditRecord, context: KmipEventContext): object {
  const { tenant, operation, protocolVersion, servedMaterial } = record;
  let known = likenesses.get(tenant);

  if (known?.context !== context) {
    known = { context, byKind: new Map() };
    likenesses.set(tenant, known);
  }

  const kind = `${operation} ${protocolVersion} ${servedMaterial}`;
  let like = known.byKind.get(kind);

  if (like === undefined) {
    like = {};
    known.byKind.set(kind, like);
  }

  return like;
}

const SUCCESS: EventReason = { reasonCode: 200, reasonType: "OK" };
const SERVED = { servedMaterial: true };
const NOTHING = {};

const served = (record: KmipAuditRecord) => (record.servedMaterial ? SERVED : NOTHING);

function failureReason(
  { code, type }: ReturnType<typeof reasonOf>,
  message: string | undefined,
): EventReason {
  return {
    reasonCode: code,
    reasonType: type,
    ...(message === undefined ? {} : { reasonForFailure: message }),
  };
}

/** Facts of the answer, where there is more to say than that a key was in it. */
function answerData(record: KmipAuditRecord, single = false): { readonly [key: string]: unknown } {
  const { resultReason, uniqueIdentifiers } = record;

  return {
    ...(single
      ? { total: uniqueIdentifiers.length, uniqueIdentifiers: uniqueIdentifiers.slice(0, MAX_LISTED) }
      : {}),
    ...(record.outcome === "failure" && resultReason !== undefined
      ? { resultReason: RESULT_REASONS.nameOf(resultReason) ?? resultReason }
      : {}),
    ...(record.undone === true ? { undone: true } : {}),
    ...(record.detail === undefined ? {} : { detail: record.detail.slice(0, MAX_DETAIL) }),
    ...served(record),
  };
}

/**
 * The audit events of one KMIP operation: one for each object that it was about; one with the instance as target
 * where there is none (Query, a refused Create) or where the objects are an answer (Locate).
 */
export function kmipAuditEvents(record: KmipAuditRecord, context: KmipEventContext): AuditEventInput[] {
  if (actionOf(record.operation).single || record.uniqueIdentifiers.length === 0) {
    return [eventOf(record, context, null)];
  }

  return record.uniqueIdentifiers.map((uniqueIdentifier) => eventOf(record, context, uniqueIdentifier));
}
