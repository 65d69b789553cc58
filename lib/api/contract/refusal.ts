import type { RequestFacts } from "@/lib/auth";
import { recordRefusal } from "@/lib/auth/record-refusal";
import type { Actor } from "@/lib/core/actor";
import { hasSucceeded, recordAction, wasRecorded } from "@/lib/core/audit";
import type { AppError } from "@/lib/core/errors";
import { createLogger } from "@/lib/log";
import { problemResponse, publicError } from "../problem";
import type { AuditedOperation } from "./handler";
import { isWrite } from "./operation";

/** A call as far as it was understood when it failed. */
export type FailedCall = {
  readonly operation: AuditedOperation;
  readonly facts: RequestFacts;
  /** Null while it is not known who calls. */
  readonly actor: Actor | null;
  /** Path parameters as they came. */
  readonly params: Readonly<Record<string, string | string[]>>;
};

/** What a request's signal says when its client has gone: the platform's name for it, and Next's. */
const GONE = /^(AbortError|ResponseAborted)$/;

const logger = () => createLogger("api");

/** Writes are audited whatever becomes of them; reads when they were refused. */
function isAudited({ operation }: FailedCall, error: AppError): boolean {
  return isWrite(operation) || error.status === 401 || error.status === 403;
}

/** Path parameters that were never checked, as they may stand in an audit event. */
function printableParams(params: FailedCall["params"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      String(value)
        .replace(/[\p{Cc}\p{Cs}]/gu, "\uFFFD")
        .slice(0, 200),
    ]),
  );
}

/** True where the log has the outcome of the call already. */
function hasOutcome({ actor, operation: { audit } }: FailedCall, thrown: unknown): boolean {
  return wasRecorded(thrown) || (actor !== null && audit !== undefined && hasSucceeded(actor, audit));
}

async function recordFailure(call: FailedCall, error: AppError): Promise<void> {
  const { operation, facts, actor } = call;
  const { method, path, audit: action = "vmware-solutions.request.default" } = operation;
  const { id, certificateId, uniqueIdentifier, userId, tokenId } = printableParams(call.params);
  const target = { id: certificateId ?? uniqueIdentifier ?? userId ?? tokenId ?? id ?? path };
  if (actor === null) {
    await recordRefusal(facts, { action, target, error });
  } else {
    await recordAction(actor, {
      action,
      target,
      instanceId: path.startsWith("/instances/{id}") ? (id ?? null) : null,
      error,
      requestData: { method, path },
    });
  }
}

/** The answer to a call that failed, after its audit event where it was a refusal or a write. */
export async function refuse(call: FailedCall, thrown: unknown): Promise<Response> {
  const error = publicError(thrown);
  const { requestId } = call.facts;
  const fields = { operation: call.operation.id, requestId, code: error.code };
  if (GONE.test((thrown as { name?: string } | null)?.name ?? "")) {
    logger().debug(fields, "the caller has gone");
  } else if (error.code === "INTERNAL") {
    logger().error({ ...fields, err: thrown }, "request failed");
  } else if (error.status >= 500) {
    logger().warn({ ...fields, err: thrown }, "request failed");
  }

  if (isAudited(call, error) && !hasOutcome(call, thrown)) {
    try {
      await recordFailure(call, error);
    } catch (auditError) {
      // Nothing was done, so nothing is hidden: the caller gets the refusal, the operator the trouble.
      logger().error({ ...fields, err: auditError }, "refusal not written to the audit log");
    }
  }

  return problemResponse(error, requestId);
}
