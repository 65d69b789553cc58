/** How many of each operation were answered, for monitoring. */
import { OPERATION_REGISTRY } from "../operations";
import { OPERATIONS } from "../protocol/enumerations";

export type OperationCount = { readonly success: number; readonly failure: number };

/** What clients ask for that is no operation of ours has one name, as clients may ask for anything. */
const UNSUPPORTED = "unsupported";
const NO_OPERATION = -1;
/** Messages of which no operation could be read. */
const UNREADABLE = "unreadable";

function nameOf(operation: number | null): string {
  return operation === null ? UNREADABLE : (OPERATIONS.nameOf(operation) ?? UNSUPPORTED);
}

/** Counts answered batch items by operation and outcome. */
export class OperationCounts {
  readonly #counts = new Map<number | null, { success: number; failure: number }>();

  /** Counts one answered batch item. */
  note(operation: number | null, succeeded: boolean): void {
    const known = operation === null || OPERATION_REGISTRY.has(operation) ? operation : NO_OPERATION;
    let count = this.#counts.get(known);
    if (count === undefined) {
      count = { success: 0, failure: 0 };
      this.#counts.set(known, count);
    }
    if (succeeded) {
      count.success += 1;
    } else {
      count.failure += 1;
    }
  }

  /** By the operation's name in the specification ("GetAttributes"). */
  byName(): { readonly [operation: string]: OperationCount } {
    return Object.fromEntries(
      [...this.#counts].map(([operation, count]) => [nameOf(operation), { ...count }]),
    );
  }
}
