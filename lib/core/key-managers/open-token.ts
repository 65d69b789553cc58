import { AppError } from "@/lib/core/errors";
import { env } from "@/lib/env";
import { Secret } from "@/lib/ibm-cloud/secret";
import { KeyManagerError } from "@/lib/key-managers/key-manager";
import { createPkcs11, type Pkcs11 } from "@/lib/key-managers/pkcs11/pkcs11";
import { parseTokenUri } from "@/lib/key-managers/pkcs11/uri";
import { wrappedKeyStore } from "./wrapped-key-store";

/** @throws AppError NOT_AVAILABLE when the operator configured no PKCS#11 module */
export function requireModules(): void {
  if (env().PKCS11_MODULES.length === 0) {
    throw new AppError(
      "NOT_AVAILABLE",
      "PKCS#11 key managers are not available in this deployment: PKCS11_MODULES names no module. Set it, for example to softhsm=/usr/lib/softhsm/libsofthsm2.so, and start again.",
    );
  }
}

/** @throws AppError VALIDATION_FAILED when there is no PIN */
export function requirePin(pin: string | Secret | undefined): Secret {
  if (pin instanceof Secret) {
    return pin;
  }

  const text = pin?.trim() ?? "";

  if (text === "") {
    throw new AppError("VALIDATION_FAILED", "The PIN of the token is needed.", {
      invalidParams: [{ name: "apiKey", code: "REQUIRED", reason: "is required: the PIN of the token" }],
    });
  }

  return new Secret(text);
}

/**
 * Connects to the token of a PKCS#11 URI with a PIN in hand; asks nothing of it yet.
 * @throws AppError VALIDATION_FAILED for a text that is no such URI, NOT_AVAILABLE for a module that is not configured;
 *   KeyManagerError
 */
export function openToken(uri: string, pin: Secret, mayTryPin = true): Pkcs11 {
  requireModules();

  if (parseTokenUri(uri) === null) {
    throw new AppError("VALIDATION_FAILED", "This is no PKCS#11 URI of a token.", {
      invalidParams: [{ name: "keyManagerCrn", code: "INVALID_TOKEN_URI", reason: "is no PKCS#11 URI" }],
    });
  }

  try {
    return createPkcs11({ uri, pin, mayTryPin, store: wrappedKeyStore });
  } catch (error) {
    if (error instanceof KeyManagerError && error.code === "NOT_AVAILABLE") {
      throw new AppError("NOT_AVAILABLE", error.message, { cause: error });
    }

    throw error;
  }
}
