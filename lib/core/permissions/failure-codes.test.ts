import { expect, it } from "vitest";
import english from "@/messages/en";
import { FAILURE_CODES } from "./failure-codes";

it("only failures are reasons of an instance", () => {
  expect(FAILURE_CODES.has("CRK_DISABLED")).toBe(true);
  expect(FAILURE_CODES.has("API_KEY_OF_USER")).toBe(false);
  expect(FAILURE_CODES.has("CRK_ACTIVE")).toBe(false);
});

it("the console says of every reason what it means for the instance", () => {
  expect(Object.keys(english.instances.statusReason)).toEqual(expect.arrayContaining([...FAILURE_CODES]));
});
