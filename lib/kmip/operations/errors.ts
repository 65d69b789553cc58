/** How operations fail, whatever threw. */

import { KeyStoreError } from "../ports";
import {
  internalError,
  KmipError,
  nonUniqueName,
  objectAlreadyExists,
  objectDestroyed,
  permissionDenied,
} from "../protocol/errors";

/** Any error as a KmipError: faults without a name tell the client nothing and the operator everything. */
export function toKmipError(error: unknown): KmipError {
  if (error instanceof KmipError) {
    return error;
  }
  if (error instanceof KeyStoreError) {
    const options = { detail: error.message, cause: error };
    switch (error.failure) {
      case "gone":
        return objectDestroyed("The object has been destroyed", { detail: error.message });
      case "refused":
        return permissionDenied("The key manager refuses the use of this key", options);
      case "unavailable":
        return internalError("The key manager cannot be reached", options);
      case "duplicate":
        return nonUniqueName("Another object has this Name", options);
      case "exists":
        return objectAlreadyExists("An object with this Unique Identifier exists", options);
      case "limit":
        return internalError(error.message, options);
      case "conflict":
        return internalError("The object was changed by others at the same time", options);
    }
  }
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return internalError("The server failed to carry out the operation", { detail, cause: error });
}
