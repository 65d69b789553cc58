import { KeyManagerError, type KeyManagerFailure } from "@/lib/key-managers/key-manager";
import { KeyStoreError, type KeyStoreFailure } from "@/lib/kmip/ports";
import { AppError } from "../errors";

/** True when the key manager itself said no; any other error may be an outage. */
export function isDefinite(error: unknown): boolean {
  return error instanceof KeyManagerError ? error.definite : error instanceof AppError;
}

/** True when the call certainly changed nothing: refused, or turned away before it was looked at. */
export function hadNoEffect(error: unknown): boolean {
  return (
    isDefinite(error) ||
    (error instanceof KeyManagerError && (error.failure === "throttled" || error.code === "CIRCUIT_OPEN"))
  );
}

/** What failed, as an operator wants to read it: failure, code, correlation id; never a payload. */
function describeFailure(error: unknown): string {
  if (error instanceof KeyManagerError) {
    return [error.failure, error.code, error.correlationId && `correlation id ${error.correlationId}`]
      .filter(Boolean)
      .join(", ");
  }

  return error instanceof Error ? error.message : String(error);
}

/**
 * An error of the key manager as the engine knows it.
 * @param what the call that failed, for the operator
 */
export function toKeyStoreError(error: unknown, what: string): KeyStoreError {
  if (error instanceof KeyStoreError) {
    return error;
  }

  const failure: KeyStoreFailure = isDefinite(error) ? "refused" : "unavailable";

  return new KeyStoreError(failure, `${what}: ${describeFailure(error)}`, { cause: error });
}

/** The failures that say that a key is not there (any more). */
export const GONE: ReadonlySet<KeyManagerFailure> = new Set<KeyManagerFailure>(["notFound", "deleted"]);

/** The key manager's failure, or null for another error. */
export function failureOf(error: unknown): KeyManagerFailure | null {
  return error instanceof KeyManagerError ? error.failure : null;
}
