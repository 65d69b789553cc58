import { AppError } from "@/lib/core/errors";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import type { Provider, ProviderContext } from "@/lib/key-managers/provider";
import { providerOf } from "@/lib/key-managers/provider-of";
import { ibmCloud } from "./ibm-cloud";
import { type FieldNames, toAppError } from "./to-app-error";
import { wrappedKeyStore } from "./wrapped-key-store";

/** What providers use of this deployment. */
export function providerContext(cloud: IbmCloud = ibmCloud()): ProviderContext {
  return { cloud, wrappedKeys: wrappedKeyStore };
}

/**
 * The provider of a kind that somebody named.
 * @param names how the request calls the field
 * @throws AppError VALIDATION_FAILED, with the kinds that there are
 */
export function requireProvider(kind: string, names: FieldNames = {}): Provider {
  try {
    return providerOf(kind);
  } catch (error) {
    throw toAppError(error, names);
  }
}

/** The provider of an instance's key manager. @throws AppError NOT_AVAILABLE when this version has it no more */
export function providerOfInstance(kind: string): Provider {
  try {
    return providerOf(kind);
  } catch (cause) {
    throw new AppError("NOT_AVAILABLE", `This version has no key managers of the kind ${kind}.`, { cause });
  }
}

/** @throws AppError NOT_AVAILABLE when this deployment lacks what a provider takes */
export function requireUsable(provider: Provider): void {
  const reason = provider.unavailable();

  if (reason !== null) {
    throw new AppError("NOT_AVAILABLE", reason.detail);
  }
}
