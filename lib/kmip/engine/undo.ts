/**
 * Batches with Batch Error Continuation Option Undo (KMIP 6.13, 11.43): all of their items take effect, or none.
 *
 * The items work on a store of their own, and no answer leaves before all that they did has happened at once. So
 * undoing is forgetting: nobody else has seen anything of it.
 */

import type { OperationContext } from "../operations/context";
import { toKmipError } from "../operations/errors";
import { TransactionError } from "../ports";
import { internalError, KmipError } from "../protocol/errors";
import type { ResponseWriter } from "../protocol/responses";
import { Tag } from "../protocol/tags";
import type { BatchContext, ItemContext } from "./batch-context";
import { type CompletedItem, isChange, isConfidential, isFailure, isSuccess } from "./completed-item";
import { PendingStore } from "./pending-store";

/**
 * Runs the items of a batch; if one fails, those before it are undone and answered with Operation Undone.
 *
 * @param run carries the items out in the context that it gets, and writes their answers
 */
export async function runUndoable(
  context: BatchContext,
  writer: ResponseWriter,
  run: (context: ItemContext) => Promise<CompletedItem[]>,
): Promise<CompletedItem[]> {
  const store = new PendingStore(context.store, context.tenant);
  try {
    const completed = await run({ ...context, store, undoable: true });
    if (!completed.some(isFailure)) {
      try {
        await store.commit();
        return completed;
      } catch (error) {
        return writeUndone(withFailure(completed, error, context), lastingOf(error), writer);
      }
    }
    await store.rollback();
    return writeUndone(completed, [], writer);
  } catch (fault) {
    await store.rollback();
    throw fault;
  } finally {
    store.close();
  }
}

/** The items of a batch that could not be committed, with the failure at the one whose doing it is. */
function withFailure(
  completed: readonly CompletedItem[],
  cause: unknown,
  { logger }: OperationContext,
): CompletedItem[] {
  const known = cause instanceof TransactionError;
  if (!known) {
    logger.error({ err: cause }, "A batch could not be committed");
  }
  if (known && cause.unknown) {
    const options = { detail: cause.message, cause };
    const error = internalError("It is not known whether the batch took effect", options);
    return completed.map((item) => ({ ...item, outcome: { error } }));
  }
  const error = known && cause.cause instanceof KmipError ? cause.cause : toKmipError(cause);
  const identifier = known ? cause.uniqueIdentifier : null;
  const about = ({ subjects }: CompletedItem) => identifier === null || subjects.includes(identifier);
  const changes = completed.findLastIndex((item) => isChange(item) && about(item));
  const at = changes >= 0 ? changes : Math.max(completed.findLastIndex(about), 0);
  return completed.map((item, index) => (index === at ? { ...item, outcome: { error } } : item));
}

const lastingOf = (error: unknown): readonly string[] =>
  error instanceof TransactionError ? error.lasting : [];

/**
 * What is left of the answer of an item that was undone. It has a payload, since it is no failure (Table 285; 2.1: Table
 * 399); but nothing that the item had read, made or worked out.
 */
const TOLD: ReadonlySet<number> = new Set([Tag.ObjectType, Tag.UniqueIdentifier]);

/**
 * Answers a batch that has failed. The answers that were written so far are zeroed: what would have left with them
 * stays.
 *
 * @param lasting objects that stay as the batch has made them: what was done to them is answered as done
 */
function writeUndone(
  items: readonly CompletedItem[],
  lasting: readonly string[],
  writer: ResponseWriter,
): CompletedItem[] {
  writer.takeBackAll();
  const told = items.map((item): CompletedItem => {
    if (!isSuccess(item) || isLasting(item, lasting)) {
      return item;
    }
    const about = item.outcome.payload.filter(({ tag }) => TOLD.has(tag));
    return { ...item, outcome: { undone: true, about } };
  });
  for (const item of told) {
    writer.add(item);
  }
  return told;
}

const isLasting = (item: CompletedItem, lasting: readonly string[]): boolean =>
  isChange(item) && !isConfidential(item) && item.subjects.some((subject) => lasting.includes(subject));
