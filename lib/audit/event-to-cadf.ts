import { isIP } from "node:net";
import type { AuditEventInput } from "./event";

/**
 * A CADF event with the field names of IBM Cloud Activity Tracking, as it is stored, hashed and forwarded.
 */
export type CadfEvent = {
  readonly id: string;
  /** `YYYY-MM-DDTHH:mm:ss.SS+0000` */
  readonly eventTime: string;
  readonly action: string;
  readonly outcome: string;
  readonly message: string;
  readonly severity: string;
  readonly dataEvent: boolean;
  readonly saveServiceCopy: boolean;
  readonly logSourceCRN: string;
  readonly correlationId: string;
  readonly initiator: {
    readonly id: string;
    readonly name: string;
    readonly typeURI: string;
    readonly credential: { readonly type: string };
    readonly host?: {
      readonly address?: string;
      readonly addressType?: "IPv4" | "IPv6";
      readonly agent?: string;
    };
  };
  readonly target: { readonly id: string; readonly name?: string; readonly typeURI: string };
  readonly observer: { readonly name: "ActivityTracker" };
  readonly reason: {
    readonly reasonCode: number;
    readonly reasonType: string;
    readonly reasonForFailure?: string;
  };
  readonly requestData: { readonly [key: string]: unknown };
  readonly responseData: { readonly [key: string]: unknown };
};

const CRN_PREFIX = "crn:v1:kmip-console:local:vmware-solutions";

/** Time as IBM's events write it: UTC, hundredths of a second, numeric offset. */
export function formatEventTime(time: Date): string {
  return `${time.toISOString().slice(0, 22)}+0000`;
}

/** CRN of the instance that an event is about, or of the account alone; parts that are unknown stay empty. */
export function sourceCrn(accountId: string | null, instanceId: string | null): string {
  return `${CRN_PREFIX}::${accountId === null ? "" : `a/${accountId}`}:${instanceId ?? ""}::`;
}

/** CRN of a target: its instance's, with resource type and percent-encoded id. */
function targetCrn(input: AuditEventInput): string {
  const source = sourceCrn(input.accountId, input.instanceId).slice(0, -2);
  const type = input.target.typeURI.split("/").slice(1).join("-");

  return `${source}:${type}:${encodeURIComponent(input.target.id)}`;
}

/** What a CRN made here says. */
export function parseCrn(crn: string): {
  accountId: string | null;
  instanceId: string | null;
  resource: string | null;
} {
  const parts = crn.split(":");

  return {
    accountId: parts[6]?.startsWith("a/") ? parts[6].slice(2) : null,
    instanceId: parts[7] || null,
    resource: parts[9] ? decodeURIComponent(parts[9]) : null,
  };
}

function hostOf(initiator: AuditEventInput["initiator"]): CadfEvent["initiator"]["host"] {
  if (initiator.address === null && initiator.agent === null) {
    return undefined;
  }

  // An IPv4 client of a dual-stack listener shows up as ::ffff:a.b.c.d.
  const address = initiator.address?.replace(/^::ffff:(?=\d+\.)/i, "") ?? null;
  const family = address === null ? 0 : isIP(address);

  return {
    ...(address === null ? {} : { address }),
    ...(family === 0 ? {} : { addressType: family === 6 ? ("IPv6" as const) : ("IPv4" as const) }),
    ...(initiator.agent === null ? {} : { agent: initiator.agent }),
  };
}

/**
 * The CADF form of an event. Instance and account are in `logSourceCRN`, so that the event alone tells all that
 * the database's columns tell.
 */
export function toCadf(
  input: AuditEventInput,
  stamp: { readonly id: string; readonly time: Date },
): CadfEvent {
  const host = hostOf(input.initiator);

  return {
    id: stamp.id,
    eventTime: formatEventTime(stamp.time),
    action: input.action,
    outcome: input.outcome,
    message: input.message,
    severity: input.severity,
    dataEvent: input.dataEvent,
    saveServiceCopy: true,
    logSourceCRN: sourceCrn(input.accountId, input.instanceId),
    correlationId: input.correlationId,
    initiator: {
      id: input.initiator.id,
      name: input.initiator.name,
      typeURI: input.initiator.typeURI,
      credential: { type: input.initiator.credentialType },
      ...(host === undefined ? {} : { host }),
    },
    target: {
      id: targetCrn(input),
      ...(input.target.name === null ? {} : { name: input.target.name }),
      typeURI: input.target.typeURI,
    },
    observer: { name: "ActivityTracker" },
    reason: input.reason ?? {
      reasonCode: input.outcome === "failure" ? 500 : 200,
      reasonType: input.outcome === "failure" ? "Internal Server Error" : "OK",
    },
    requestData: input.requestData ?? {},
    responseData: input.responseData ?? {},
  };
}
