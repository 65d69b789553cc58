import { describe, expect, it } from "vitest";
import { isLost, neverHappened, toTokenError } from "./errors";

describe("return values of PKCS#11", () => {
  it.each([
    ["CKR_PIN_INCORRECT", "credentials", true],
    ["CKR_PIN_LOCKED", "credentials", true],
    ["CKR_TOKEN_WRITE_PROTECTED", "forbidden", true],
    ["CKR_KEY_FUNCTION_NOT_PERMITTED", "keyState", true],
    ["CKR_ENCRYPTED_DATA_INVALID", "ciphertext", true],
    ["CKR_MECHANISM_INVALID", "rejected", true],
    ["CKR_DEVICE_MEMORY", "rejected", true],
    ["CKR_SESSION_COUNT", "throttled", false],
    ["CKR_TOKEN_NOT_PRESENT", "unreachable", false],
    ["CKR_SESSION_HANDLE_INVALID", "unreachable", false],
    ["CKR_USER_NOT_LOGGED_IN", "unreachable", false],
    ["CKR_DEVICE_ERROR", "serverError", false],
    ["CKR_SOMETHING_OF_A_VENDOR", "serverError", false],
  ])("%s is %s", (code, failure, definite) => {
    expect(toTokenError(new Error(code))).toMatchObject({ failure, definite, code });
  });

  it("keeps no text but the return value", () => {
    const error = toTokenError(new TypeError("Attribute 0x00000011 of value 00112233"));

    expect(error).toMatchObject({ failure: "serverError", code: "MALFORMED_RESPONSE" });
    expect(error.message).not.toContain("00112233");
  });

  it("opens a new session where the old one is lost, and repeats a creation only if it never happened", () => {
    const lost = (code: string) => [isLost(new Error(code)), neverHappened(new Error(code))];

    expect(lost("CKR_SESSION_HANDLE_INVALID")).toEqual([true, true]);
    expect(lost("CKR_USER_NOT_LOGGED_IN")).toEqual([true, true]);
    expect(lost("CKR_DEVICE_REMOVED")).toEqual([true, false]);
    expect(lost("CKR_DEVICE_ERROR")).toEqual([true, false]);
    expect(lost("CKR_PIN_INCORRECT")).toEqual([false, false]);
    expect(lost("CKR_ENCRYPTED_DATA_INVALID")).toEqual([false, false]);
  });
});
