/** What became of one batch item, for the response and for the audit. */

import type { OperationResult } from "../operations/operation";
import type { KmipError } from "../protocol/errors";
import type { Item } from "../ttlv/item";

type ItemOf<T> = {
  readonly operation: number | null;
  readonly uniqueBatchItemId: Uint8Array | null;
  readonly subjects: readonly string[];
  readonly outcome: T;
};
type FailedItem = ItemOf<{ readonly error: KmipError }>;
type SucceededItem = ItemOf<OperationResult>;
/** Carried out, and then undone with its batch (6.9). */
type UndoneItem = ItemOf<{ readonly undone: true; readonly about: readonly Item[] }>;

export type CompletedItem = FailedItem | SucceededItem | UndoneItem;

/** True if the item was not carried out. */
export const isFailure = (item: CompletedItem): item is FailedItem => "error" in item.outcome;

/** True if the item was carried out, and then undone with its batch. */
export const isUndone = (item: CompletedItem): item is UndoneItem => "undone" in item.outcome;

/** True if the item was carried out and stays so. */
export const isSuccess = (item: CompletedItem): item is SucceededItem => "payload" in item.outcome;

/** True if the answer carries key material. */
export const carriesMaterial = (item: CompletedItem): boolean =>
  isSuccess(item) && item.outcome.material !== undefined;

/** True if the answer is to be zeroed once it is sent. */
export const isConfidential = (item: CompletedItem): boolean =>
  carriesMaterial(item) || (isSuccess(item) && item.outcome.confidential !== undefined);

/** True if something was changed. */
export const isChange = (item: CompletedItem): boolean => isSuccess(item) && item.outcome.changed === true;

/** True if the item may not be reported as what it is without an audit record. */
export const needsRecord = (item: CompletedItem): boolean =>
  isConfidential(item) || isChange(item) || isUndone(item);

/** Tells an operation that its answer will not leave. */
export function withhold(item: CompletedItem): void {
  if (isSuccess(item)) {
    item.outcome.withheld?.();
  }
}
