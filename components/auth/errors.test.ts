import { expect, test } from "vitest";
import { safeCallback, signInErrorOf } from "./errors";

test.each([
  ["/instances?status=attention", "/instances?status=attention"],
  ["/", "/"],
  [undefined, "/"],
  ["https://evil.example", "/"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["/a\\b", "/"],
  ["/\t/evil.example", "/"],
  ["javascript:alert(1)", "/"],
  ["/sign-in?callbackUrl=/", "/"],
])("safeCallback(%j) is %j", (url, expected) => {
  expect(safeCallback(url)).toBe(expected);
});

test("codes become words, unknown ones included", () => {
  expect(signInErrorOf("CredentialsSignin")).toBe("credentials");
  expect(signInErrorOf("RateLimited")).toBe("limited");
  expect(signInErrorOf("Unavailable")).toBe("other");
});
