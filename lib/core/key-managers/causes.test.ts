import { describe, expect, it } from "vitest";
import { AppError } from "@/lib/core/errors";
import type { HttpResponse } from "@/lib/ibm-cloud/http";
import type { KeyManagerFailure } from "@/lib/key-managers/key-manager";
import { refusalOf } from "@/lib/key-managers/key-protect/errors";
import english from "@/messages/en";
import { KEY_MANAGER_CAUSES } from "./causes";
import { toAppError } from "./to-app-error";

/** Status and codes as "Error messages" of Key Protect lists them, and what each means to the house. */
const DOCUMENTED: readonly [number, string, KeyManagerFailure, string][] = [
  [400, "BAD_BODY_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "NO_BODY_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "INVALID_FIELD_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "INVALID_QUERY_PARAM_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "COLLECTION_TOTAL_MISMATCH_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "NUM_COLLECTION_RESOURCE_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "BODY_QUERY_PARAM_MISMATCH_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "BEARER_SUB_EXTRACTION_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "KEY_ROOT_REQ_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "KEY_PAYLOAD_REQ_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "KEY_EXPIRED_ERR", "keyState", "KEY_MANAGER_REJECTED"],
  [400, "KEY_RESTORE_EXPIRED", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "KEY_IMPT_REQ_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "INCORRECT_NONCE_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "INCORRECT_NONCE_IV_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [400, "CKR_IBM_WK_NOT_INITIALIZED", "rejected", "KEY_MANAGER_REJECTED"],
  [401, "UNAUTHORIZED_ERR", "forbidden", "KEY_MANAGER_FORBIDDEN"],
  [403, "SERVICE_ONLY_ERR", "forbidden", "KEY_MANAGER_FORBIDDEN"],
  [403, "FEATURE_RESTRICTED_ERR", "forbidden", "KEY_MANAGER_FORBIDDEN"],
  [403, "RESOURCE_OWNER_ERR", "forbidden", "KEY_MANAGER_FORBIDDEN"],
  [403, "CONFIG_RULE_CONFLICT_ERR", "forbidden", "KEY_MANAGER_FORBIDDEN"],
  [404, "KEY_NOT_FOUND_ERR", "notFound", "NOT_FOUND"],
  [409, "KEY_ACTION_INVALID_STATE_ERR", "keyState", "KEY_MANAGER_REJECTED"],
  [409, "PROTECTED_RESOURCE_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [409, "PREV_KEY_DEL_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [409, "AUTHORIZATIONS_NOT_MET", "rejected", "KEY_MANAGER_REJECTED"],
  [409, "NOT_DUAL_AUTH_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [409, "KEY_ROTATION_NOT_PERMITTED", "rejected", "KEY_MANAGER_REJECTED"],
  [409, "KEY_CREATE_IMPORT_ACCESS_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [409, "REQ_TOO_EARLY_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [409, "IMPORT_TOKEN_EXPIRED_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [410, "KEY_DELETED_ERR", "deleted", "KEY_MANAGER_REJECTED"],
  [422, "UNPROCESSABLE_CIPHERTEXT_ERR", "ciphertext", "KEY_MANAGER_REJECTED"],
  [422, "KEY_INVALID_STATE_ERR", "keyState", "KEY_MANAGER_REJECTED"],
  [422, "KEY_ROOT_REQ_REG_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [422, "KEY_VERSION_INVALID", "keyState", "KEY_MANAGER_REJECTED"],
  [422, "INVALID_SIG_EXP_ERR", "rejected", "KEY_MANAGER_REJECTED"],
  [500, "INCOMPLETE_METADATA_ERR", "serverError", "KEY_MANAGER_UNAVAILABLE"],
];

function answer(status: number, code: string): HttpResponse {
  const uninitialized = code.startsWith("CKR_");
  const body = uninitialized
    ? { resources: [{ errorMsg: `Bad Request: ${code}, the wrapping key` }] }
    : { resources: [{ errorMsg: `x (${code})`, reasons: [{ code, message: "m", status }] }] };

  return {
    service: "Key Protect",
    status,
    body: JSON.stringify(body),
    correlationId: "correlation",
    retryAfterMs: null,
  };
}

describe("the key manager's error codes", () => {
  it.each(DOCUMENTED)("%i %s is %s", (status, code, failure, errorCode) => {
    const error = refusalOf(answer(status, code), "correlation");
    const shown = toAppError(error);

    expect(error).toMatchObject({ failure, status, code, correlationId: "correlation" });
    expect(shown).toBeInstanceOf(AppError);
    const { cause, remedy } = KEY_MANAGER_CAUSES[code as keyof typeof KEY_MANAGER_CAUSES];
    expect(shown).toMatchObject({
      code: errorCode,
      message: `${cause} ${remedy} (${code})`,
      extra: { keyManager: { failure, code, correlationId: "correlation" } },
    });
  });

  it("keeps words for the failure where a code is not documented, and says the code", () => {
    expect(toAppError(refusalOf(answer(409, "SOMETHING_NEW_ERR"), "correlation"))).toMatchObject({
      message: "The key manager refused the request. (SOMETHING_NEW_ERR)",
    });
  });

  it("are worded in the console as in the API", () => {
    const { cause, remedy } = english.errors.keyManager;

    expect(
      Object.fromEntries(Object.entries(KEY_MANAGER_CAUSES).map(([code, words]) => [code, words.cause])),
    ).toEqual(cause);
    expect(
      Object.fromEntries(Object.entries(KEY_MANAGER_CAUSES).map(([code, words]) => [code, words.remedy])),
    ).toEqual(remedy);
  });
});
