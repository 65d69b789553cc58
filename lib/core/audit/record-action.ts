import type { AuditEventInput, AuditOutcome, AuditSeverity } from "@/lib/audit/event";
import { failureSeverity, targetTypeOf } from "@/lib/audit/kmip-actions";
import type { Actor } from "../actor";
import { AppError } from "../errors";
import { isOutage } from "../outage";
import { CONSOLE_ACTIONS, type ConsoleAction } from "./actions";
import { auditWriter } from "./writer";

/** What was done, to what. */
export type ActionRecord = {
  readonly action: ConsoleAction;
  /** Default `success`, or `failure` when `error` is given. `pending` announces what cannot be undone. */
  readonly outcome?: AuditOutcome;
  readonly severity?: AuditSeverity;
  readonly target: { readonly id: string; readonly name?: string | null };
  readonly instanceId?: string | null;
  /** Why it failed; people outside see only what an AppError says. */
  readonly error?: unknown;
  /** Facts of the request and of the answer; never a secret. */
  readonly requestData?: { readonly [key: string]: unknown };
  readonly responseData?: { readonly [key: string]: unknown };
};

const INITIATORS: Record<Actor["kind"], { readonly typeURI: string; readonly credentialType: string }> = {
  user: { typeURI: "service/security/account/user", credentialType: "user" },
  token: { typeURI: "service/security/account/serviceid", credentialType: "apikey" },
  cli: { typeURI: "service/security/clientid", credentialType: "token" },
  system: { typeURI: "service/security/clientid", credentialType: "token" },
};

const PHRASES: { readonly [status: number]: string } = {
  200: "OK",
  202: "Accepted",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

function reasonOf(outcome: AuditOutcome, error: unknown): NonNullable<AuditEventInput["reason"]> {
  if (outcome !== "failure") {
    const code = outcome === "pending" ? 202 : 200;

    return { reasonCode: code, reasonType: PHRASES[code] ?? "" };
  }

  const { code, status, message } = knownError(error);

  return {
    reasonCode: status,
    reasonType: PHRASES[status] ?? "Error",
    reasonForFailure: `${code}: ${message}`,
  };
}

/** An error as the log may tell it; of what nobody expected it has no more than that it was so. */
function knownError(error: unknown): Pick<AppError, "code" | "status" | "message"> {
  if (error instanceof AppError) {
    return error;
  }

  return isOutage(error)
    ? { code: "DATABASE_UNAVAILABLE", status: 503, message: "The database is out of reach." }
    : { code: "INTERNAL", status: 500, message: "Something failed that nobody expected." };
}

/** The audit event of an action (see `recordAction`). */
export function actionEvent(actor: Actor, record: ActionRecord): AuditEventInput {
  const [severity, phrase] = CONSOLE_ACTIONS[record.action];
  const outcome = record.outcome ?? (record.error === undefined ? "success" : "failure");
  const reason = reasonOf(outcome, record.error);
  const name = record.target.name ?? null;

  return {
    action: record.action,
    outcome,
    severity: record.severity ?? (outcome === "failure" ? failureSeverity(reason.reasonCode) : severity),
    message: `VMware Solutions: ${phrase} ${name ?? record.target.id}${outcome === "failure" ? " -failure" : ""}`,
    // Somebody who is in no account yet, or any more, is nobody's.
    accountId: actor.accountId === "" ? null : actor.accountId,
    instanceId: record.instanceId ?? null,
    dataEvent: false,
    correlationId: actor.requestId,
    initiator: {
      id: `${actor.kind}:${actor.id}`,
      name: actor.name,
      ...INITIATORS[actor.kind],
      address: actor.remoteAddress,
      agent: actor.userAgent,
    },
    target: { id: record.target.id, name, typeURI: targetTypeOf(record.action) },
    reason,
    requestData: record.requestData ?? {},
    responseData: record.responseData ?? {},
  };
}

/**
 * Writes the audit event of something that an actor did, or was refused. When it resolves, the event is durable:
 * answer only then.
 * @throws AppError AUDIT_UNAVAILABLE
 */
export async function recordAction(actor: Actor, record: ActionRecord): Promise<void> {
  try {
    await auditWriter().write([actionEvent(actor, record)]);
  } catch (error) {
    throw new AppError(
      "AUDIT_UNAVAILABLE",
      "The audit record of this action could not be written. Look at its state before you try again.",
      { cause: error },
    );
  }
}
