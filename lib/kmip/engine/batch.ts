/**
 * Carries out the batch items of one request message, in order (KMIP 6.12, 6.13, 11.43).
 */

import type { OperationContext } from "../operations/context";
import { toKmipError } from "../operations/errors";
import type { OperationResult } from "../operations/operation";
import { BatchErrorContinuationOption, OPERATIONS } from "../protocol/enumerations";
import {
  FAILURES,
  featureNotSupported,
  KmipError,
  operationNotSupported,
  permissionDenied,
} from "../protocol/errors";
import type { Request, RequestItem } from "../protocol/requests";
import type { ResponseWriter } from "../protocol/responses";
import { isSecondMajor } from "../protocol/versions";
import { wipe } from "../ttlv/wipe";
import type { BatchContext, ItemContext } from "./batch-context";
import {
  type CompletedItem,
  isChange,
  isConfidential,
  isFailure,
  isSuccess,
  withhold,
} from "./completed-item";
import { ReadTrackingStore } from "./read-tracking-store";
import { type Answer, refersToData, resolveItem, withoutOutput } from "./references";
import { runUndoable } from "./undo";

/** Features that a request asks for and that are refused with the whole of it. @throws KmipError */
export function refuseFeatures({ header }: Request): void {
  if (header.asynchronous === true) {
    throw featureNotSupported("Asynchronous operations are not supported");
  }
}

/**
 * Carries the items out one after the other, writing the answer of each.
 *
 * After a failure the rest is left out, with Stop; carried out, with Continue; left out, and what came before is
 * undone, with Undo. An answer that would grow beyond Maximum Response Size is replaced by a failure. Key material is
 * zeroed as soon as it is written.
 */
export function runBatch(
  request: Request,
  context: BatchContext,
  writer: ResponseWriter,
): Promise<CompletedItem[]> {
  const { header, items } = request;
  // 6.13: the option is for batches of more than one.
  const undo = header.batchErrorContinuationOption === BatchErrorContinuationOption.Undo && items.length > 1;
  // What an item reads leaves with all the others, which may take their time.
  if (!undo && items.length > 1) {
    return runTogether(request, context, writer);
  }
  if (!undo) {
    return runItems(request, context, writer);
  }
  return runUndoable(context, writer, (undoable) => runItems(request, undoable, writer));
}

/** Runs several items; a key that was blocked while they ran does not leave with their answers. */
async function runTogether(
  request: Request,
  context: BatchContext,
  writer: ResponseWriter,
): Promise<CompletedItem[]> {
  const store = new ReadTrackingStore(context.store);
  const answers: { readonly start: number; readonly read: ReadonlySet<string> }[] = [];
  const completed = await runItems(request, { ...context, store }, writer, (start) => {
    answers.push({ start, read: store.takeRead() });
  });
  let end = writer.length;
  for (const [at, { start, read }] of [...answers.entries()].reverse()) {
    const item = completed[at];
    if (item !== undefined && isConfidential(item)) {
      const error = await blockOf(context, read);
      if (error !== null) {
        withhold(item);
        const refused = { ...item, outcome: { error } };
        writer.exchange(start, end, refused);
        completed[at] = refused;
      }
    }
    end = start;
  }
  return completed;
}

/** Why an answer that came of keys may not leave any more, or null. */
async function blockOf(
  { store, tenant }: OperationContext,
  identifiers: ReadonlySet<string>,
): Promise<KmipError | null> {
  try {
    for (const identifier of identifiers) {
      const object = await store.find(tenant, identifier);
      if (object?.served !== true) {
        return permissionDenied("The key has been revoked by the key owner");
      }
    }
    return null;
  } catch (error) {
    return toKmipError(error);
  }
}

/** @param onAnswer told of each answer where it begins */
async function runItems(
  request: Request,
  context: ItemContext,
  writer: ResponseWriter,
  onAnswer: (start: number) => void = () => {},
): Promise<CompletedItem[]> {
  const completed: CompletedItem[] = [];
  const outputs = new Outputs(request, writer);
  const { batchErrorContinuationOption } = request.header;
  const goOn = batchErrorContinuationOption === BatchErrorContinuationOption.Continue;
  try {
    for (const item of request.items) {
      const items =
        outputs.answers === null ? [item] : resolveItem(item, context, outputs.answers, completed.length);
      for (const single of items) {
        const start = writer.length;
        const outcome = outputs.note(single, await runItem(single, context));
        const done = outputs.write(outcome, context);
        completed.push(done);
        onAnswer(start);
        if (isFailure(done) && !goOn) {
          return completed;
        }
      }
    }
    return completed;
  } finally {
    outputs.wipe();
  }
}

/** Writes what items answer, and keeps it for those after them that refer to it: in 2.x alone. */
class Outputs {
  readonly answers: Answer[] | null;
  readonly #keepsData: boolean;
  readonly #secrets: Uint8Array[] = [];
  readonly #writer: ResponseWriter;
  readonly #maximumResponseSize: number | undefined;

  constructor({ version, items, header }: Request, writer: ResponseWriter) {
    this.#writer = writer;
    this.#maximumResponseSize = header.maximumResponseSize;
    this.answers = isSecondMajor(version) ? [] : null;
    this.#keepsData = this.answers !== null && refersToData(items);
  }

  /** Notes an answer, and takes out of it what the client does not want. */
  note(item: RequestItem, done: CompletedItem): CompletedItem {
    if (this.answers === null || !isSuccess(done)) {
      return done;
    }
    const { operation, outcome } = done;
    this.answers.push({ operation, payload: outcome.payload });
    return item.ephemeral
      ? { ...done, outcome: { ...outcome, payload: withoutOutput(outcome.payload) } }
      : done;
  }

  /** Writes the answer to an item, or the failure that takes its place; zeroes the material. */
  write(item: CompletedItem, context: OperationContext): CompletedItem {
    const writer = this.#writer;
    try {
      const start = writer.add(item);
      const maximum = this.#maximumResponseSize;
      if (maximum === undefined || writer.length <= maximum || isFailure(item)) {
        return item;
      }
      writer.takeBack(start);
      return fail(item, writer, tooLarge(item, context));
    } catch (error) {
      context.logger.error(
        { err: error, operation: nameOf(item.operation) },
        "An answer could not be encoded",
      );
      return fail(item, writer, toKmipError(error));
    } finally {
      if (isSuccess(item)) {
        this.#settle(item.outcome);
      }
    }
  }

  /** Zeroes what has been written; data that later items may refer to, at the end of the batch. */
  #settle({ material, confidential }: OperationResult): void {
    if (material !== undefined) {
      wipe(material);
    }
    if (confidential === undefined) {
      return;
    }
    if (this.#keepsData) {
      this.#secrets.push(confidential);
    } else {
      wipe(confidential);
    }
  }

  wipe(): void {
    for (const secret of this.#secrets) {
      wipe(secret);
    }
  }
}

function fail(item: CompletedItem, writer: ResponseWriter, error: KmipError): CompletedItem {
  const failed = { ...item, outcome: { error } };
  withhold(item);
  writer.add(failed);
  return failed;
}

function tooLarge(item: CompletedItem, { undoable }: OperationContext): KmipError {
  const message = "The response is larger than Maximum Response Size";
  // Only an undoable batch takes a change back because its answer is too long: the audit has to tell.
  const lasts = isChange(item) && !isConfidential(item) && !undoable;
  const detail = lasts ? "the operation was carried out" : undefined;
  return new KmipError(FAILURES.responseTooLarge, message, detail === undefined ? {} : { detail });
}

/** Later than every version. */
const NEVER = Number.POSITIVE_INFINITY;

async function runItem(item: RequestItem, context: ItemContext): Promise<CompletedItem> {
  const { operation, uniqueBatchItemId, payload } = item;
  context.subjects = [];
  try {
    if (item.error !== null) {
      throw item.error;
    }
    const definition = operation === null ? undefined : context.operations.get(operation);
    const isKnown = definition?.early === true || (definition?.since ?? NEVER) <= context.version;
    if (definition === undefined || payload === null || !isKnown) {
      throw operationNotSupported(`The operation ${nameOf(operation)} is not supported`);
    }
    if (context.tenant.probe?.operations.has(definition.code) === false) {
      throw permissionDenied(`A probe may not ask for ${nameOf(operation)}`);
    }
    const answer = definition.handle(context, payload);
    const outcome = answer instanceof Promise ? await answer : answer;
    return { operation, uniqueBatchItemId, subjects: context.subjects, outcome };
  } catch (fault) {
    const error = toKmipError(fault);
    if (error.failure === FAILURES.internalError) {
      const cause = error.cause ?? error;
      context.logger.error({ err: cause, operation: nameOf(operation) }, "A KMIP operation failed");
    }
    return { operation, uniqueBatchItemId, subjects: context.subjects, outcome: { error } };
  }
}

const nameOf = (operation: number | null): string =>
  operation === null ? "without a name" : (OPERATIONS.nameOf(operation) ?? String(operation));
