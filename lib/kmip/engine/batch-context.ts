/** What the engine carries batches out with: what operations work with, and what they are not to see. */

import type { OperationContext } from "../operations/context";
import type { OperationRegistry } from "../operations/operation";
import type { KeyStore } from "../ports";

/** What batch items are run in. */
export interface ItemContext extends OperationContext {
  readonly operations: OperationRegistry;
}

/** What a whole batch is run in: its store has transactions. */
export interface BatchContext extends ItemContext {
  readonly store: KeyStore;
}
