import { AppError } from "@/lib/core/errors";
import { type Crn, parseCrn } from "@/lib/ibm-cloud/crn";
import { checkBaseUrl } from "@/lib/ibm-cloud/http";
import type { KeyService } from "@/lib/ibm-cloud/resource-controller";
import { Secret } from "@/lib/ibm-cloud/secret";
import type { KeyManagerKind } from "@/lib/key-managers/key-manager";
import type { IbmCloud } from "./ibm-cloud";

/** Kinds of key manager that are services of IBM Cloud. */
export type IbmKeyManagerKind = Exclude<KeyManagerKind, "pkcs11">;

/** Service names in CRNs and IAM policies. */
export const KEY_SERVICES: { readonly [kind in IbmKeyManagerKind]: KeyService } = {
  "key-protect": "kms",
  hpcs: "hs-crypto",
};

export const KEY_MANAGER_NAMES: { readonly [kind in IbmKeyManagerKind]: string } = {
  "key-protect": "Key Protect",
  hpcs: "Hyper Protect Crypto Services",
};

/** @throws AppError VALIDATION_FAILED when there is no API key */
export function requireApiKey(apiKey: string | Secret | undefined): Secret {
  if (apiKey instanceof Secret) {
    return apiKey;
  }

  const text = apiKey?.trim() ?? "";

  if (text === "") {
    throw new AppError("VALIDATION_FAILED", "An API key of a service ID is needed.", {
      invalidParams: [{ name: "apiKey", code: "REQUIRED", reason: "is required for this key manager" }],
    });
  }

  return new Secret(text);
}

/**
 * The base URL that a person gave in place of the one that IBM Cloud names; undefined when none was given.
 * @param name field of the request, for the error
 * @throws AppError VALIDATION_FAILED when a token must not be sent there
 */
export function givenEndpoint(
  cloud: Pick<IbmCloud, "allowsPlainHttp">,
  text: string | undefined,
  name: string,
): string | undefined {
  const trimmed = text?.trim() ?? "";

  if (trimmed === "") {
    return undefined;
  }

  // Documentation shows the address with and without the API's path.
  const url = checkBaseUrl(trimmed.replace(/\/api\/v2\/?$/, ""), cloud.allowsPlainHttp);

  if (url === null) {
    throw new AppError("VALIDATION_FAILED", "This is no address that an API key's token may be sent to.", {
      invalidParams: [{ name, code: "INVALID_ENDPOINT", reason: "is no https address of a key manager" }],
    });
  }

  return url;
}

/** @throws AppError VALIDATION_FAILED when the text is no CRN of an instance of this kind */
export function requireCrn(kind: IbmKeyManagerKind, text: string): Crn {
  const crn = parseCrn(text);

  if (crn?.service !== KEY_SERVICES[kind]) {
    throw new AppError("VALIDATION_FAILED", `This is no CRN of a ${KEY_MANAGER_NAMES[kind]} instance.`, {
      invalidParams: [
        { name: "keyManagerCrn", code: "INVALID_CRN", reason: `is no ${KEY_MANAGER_NAMES[kind]} CRN` },
      ],
    });
  }

  return crn;
}
