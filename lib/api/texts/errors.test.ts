import { describe, expect, it } from "vitest";
import { AppError } from "@/lib/core/errors";
import { toAppError } from "@/lib/core/key-managers/to-app-error";
import type { HttpResponse } from "@/lib/ibm-cloud/http";
import type { KeyManagerFailure } from "@/lib/key-managers/key-manager";
import { refusalOf } from "@/lib/key-managers/key-protect/errors";
import type { Finding } from "@/lib/x509";
import english from "@/messages/en";
import { describeError } from "./errors";

const { cause, remedy }: { [kind in "cause" | "remedy"]: { readonly [code: string]: string } } =
  english.errors.keyManager;

/** The error that people outside see. */
function shownOf(error: unknown): unknown {
  const shown = toAppError(error);

  return shown instanceof AppError ? describeError(shown) : shown;
}

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
    const shown = shownOf(error);

    expect(error).toMatchObject({ failure, status, code, correlationId: "correlation" });
    expect(shown).toBeInstanceOf(AppError);
    expect(shown).toMatchObject({
      code: errorCode,
      message: `${cause[code]} ${remedy[code]} (${code})`,
      extra: { keyManager: { failure, code, correlationId: "correlation" } },
    });
  });

  it("keeps words for the failure where a code is not documented, and says the code", () => {
    expect(shownOf(refusalOf(answer(409, "SOMETHING_NEW_ERR"), "correlation"))).toMatchObject({
      message: "The key manager refused the request. (SOMETHING_NEW_ERR)",
    });
  });

  it("have a cause and what to do, each of them", () => {
    expect(Object.keys(cause)).toEqual(Object.keys(remedy));
    expect(Object.keys(cause)).toEqual(expect.arrayContaining(DOCUMENTED.map(([, code]) => code)));
  });

  it.each([
    [
      "KEY_ROTATION_NOT_PERMITTED",
      "The root key was rotated less than an hour ago; the key manager allows one rotation an hour.",
    ],
    [
      "KEY_PAYLOAD_REQ_ERR",
      "The root key was imported, so its rotation needs new key material from you. Rotate it in the key manager; the KEKs follow by themselves.",
    ],
    ["KEY_ACTION_INVALID_STATE_ERR", "The root key is disabled. Enable it in the key manager first."],
    ["KEY_EXPIRED_ERR", "The root key has expired. Change the instance to another root key."],
    [
      "forbidden",
      "The service ID may not rotate root keys. It needs the service role Manager (or Writer) on the key manager instance.",
    ],
    ["KEY_DELETED_ERR", `${cause.KEY_DELETED_ERR} ${remedy.KEY_DELETED_ERR} (KEY_DELETED_ERR)`],
    ["SOMETHING_NEW_ERR", "As core says."],
  ])("say more of a rotation that is refused (%s)", (reason, words) => {
    const error = new AppError("KEY_MANAGER_REJECTED", "As core says.", { text: { of: "rotation", reason } });

    expect(describeError(error).message).toBe(words);
  });

  it("do not stand in the way of words that say more", () => {
    const error = new AppError("KEY_MANAGER_REJECTED", "The root key is disabled.", {
      extra: { keyManager: { code: "KEY_ACTION_INVALID_STATE_ERR" } },
    });

    expect(describeError(error)).toBe(error);
  });
});

describe("errors about certificates", () => {
  it("say in the detail, in the findings and of the parameter what is wrong", () => {
    const findings: Finding[] = [
      { severity: "error", code: "EXPIRED", params: { notAfter: "2026-01-01T00:00:00.000Z" } },
      { severity: "error", code: "WEAK_KEY", params: { bits: "1024", family: "RSA" } },
    ];
    const words =
      "It expired on 2026-01-01T00:00:00.000Z. The key has 1024 bits; RSA keys have at least 2048.";
    const message = "The certificate cannot be used (EXPIRED, WEAK_KEY).";
    const shown = describeError(
      new AppError("CERTIFICATE_INVALID", message, {
        invalidParams: [{ name: "clientCertificates.0.pem", code: "CERTIFICATE_INVALID", reason: message }],
        extra: { findings },
        text: { of: "certificate", findings },
      }),
    );

    expect(shown).toMatchObject({
      code: "CERTIFICATE_INVALID",
      message: words,
      invalidParams: [{ name: "clientCertificates.0.pem", code: "CERTIFICATE_INVALID", reason: words }],
    });
    expect(shown.extra).toEqual({
      findings: [
        { severity: "error", code: "EXPIRED", message: "It expired on 2026-01-01T00:00:00.000Z." },
        {
          severity: "error",
          code: "WEAK_KEY",
          message: "The key has 1024 bits; RSA keys have at least 2048.",
        },
      ],
    });
  });
});
