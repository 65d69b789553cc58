/**
 * Carries out the batch items of one request message, in order (KMIP 6.12, 6.13, 11.43).
 */
import { featureNotSupported, KmipError, operationNotSupported } from "./errors";
import { type OperationContext, type OperationResult, toKmipError } from "./operations/operation";
import { BatchErrorContinuationOption, OPERATIONS, ResultReason } from "./protocol/enumerations";
import type { Request, RequestItem } from "./protocol/requests";
import type { ResponseWriter } from "./protocol/responses";
import { wipe } from "./ttlv/wipe";

/** What became of one batch item, for the response and for the audit. */
export type CompletedItem = {
  readonly operation: number | null;
  readonly uniqueBatchItemId: Uint8Array | null;
  readonly subjects: readonly string[];
  readonly outcome: OperationResult | { readonly error: KmipError };
};

export const isFailure = (item: CompletedItem): item is CompletedItem & { outcome: { error: KmipError } } =>
  "error" in item.outcome;

/** True if the answer carries key material. */
export const carriesMaterial = (item: CompletedItem): boolean =>
  !("error" in item.outcome) && item.outcome.material !== undefined;

/** True if the item may not be reported as done without an audit record. */
export const needsRecord = (item: CompletedItem): boolean =>
  !("error" in item.outcome) && (item.outcome.material !== undefined || item.outcome.changed === true);

/** Features that a request asks for and that are refused with the whole of it. @throws KmipError */
export function refuseFeatures({ header, items }: Request): void {
  if (header.asynchronousIndicator === true) {
    throw featureNotSupported("Asynchronous operations are not supported");
  }
  const undo = header.batchErrorContinuationOption === BatchErrorContinuationOption.Undo;
  if (undo && items.length > 1) throw featureNotSupported("Undoing a batch is not supported");
}

/**
 * Carries the items out one after the other, writing the answer of each.
 *
 * After a failure the rest is left out, with Stop, or carried out, with Continue. An answer that would grow beyond
 * Maximum Response Size is replaced by a failure. Key material is zeroed as soon as it is written.
 */
export async function runBatch(
  request: Request,
  context: OperationContext,
  writer: ResponseWriter,
): Promise<CompletedItem[]> {
  const completed: CompletedItem[] = [];
  const { batchErrorContinuationOption, maximumResponseSize } = request.header;
  const goOn = batchErrorContinuationOption === BatchErrorContinuationOption.Continue;
  for (const item of request.items) {
    let done = await runItem(item, context);
    const start = writer.add(done);
    if (!("error" in done.outcome) && done.outcome.material !== undefined) wipe(done.outcome.material);
    if (maximumResponseSize !== undefined && writer.length > maximumResponseSize && !isFailure(done)) {
      writer.takeBack(start);
      done = { ...done, outcome: { error: tooLarge() } };
      writer.add(done);
    }
    completed.push(done);
    if (isFailure(done) && !goOn) break;
  }
  return completed;
}

const tooLarge = () =>
  new KmipError(ResultReason.ResponseTooLarge, "The response is larger than Maximum Response Size");

async function runItem(item: RequestItem, context: OperationContext): Promise<CompletedItem> {
  const { operation, uniqueBatchItemId, payload } = item;
  context.subjects = [];
  try {
    if (item.error !== null) throw item.error;
    const definition = operation === null ? undefined : context.operations.get(operation);
    if (definition === undefined || payload === null || definition.since > context.version) {
      throw operationNotSupported(`The operation ${nameOf(operation)} is not supported`);
    }
    const answer = definition.handle(context, payload);
    const outcome = answer instanceof Promise ? await answer : answer;
    return { operation, uniqueBatchItemId, subjects: context.subjects, outcome };
  } catch (fault) {
    const error = toKmipError(fault);
    if (error.resultReason === ResultReason.GeneralFailure) {
      const cause = error.cause ?? error;
      context.logger.error({ err: cause, operation: nameOf(operation) }, "A KMIP operation failed");
    }
    return { operation, uniqueBatchItemId, subjects: context.subjects, outcome: { error } };
  }
}

const nameOf = (operation: number | null): string =>
  operation === null ? "without a name" : (OPERATIONS.nameOf(operation) ?? String(operation));
