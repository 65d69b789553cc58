import { expect, it } from "vitest";
import { AppError, ERROR_CODES, type ErrorCode } from "@/lib/core/errors";
import { problemResponse } from "./problem";

const titleOf = async (code: ErrorCode): Promise<string> => {
  const document: { title: string } = await problemResponse(new AppError(code, "Detail."), "request").json();

  return document.title;
};

it.each(Object.keys(ERROR_CODES) as ErrorCode[])("%s has a title in words", async (code) => {
  expect(await titleOf(code)).toMatch(/^([A-Z][a-z]+|A)( \S+)*[^.]$/);
});

it.each<[ErrorCode, string]>([
  ["NAME_TAKEN", "The name is taken"],
  ["INSTANCE_IN_USE", "The instance is in use"],
  ["KEY_MANAGER_FORBIDDEN", "The key manager refused access"],
  ["KEY_MANAGER_REJECTED", "The key manager refused the request"],
  ["RATE_LIMITED", "Too many requests"],
])("the title of %s, which the console shares, stays: clients know it", async (code, title) => {
  expect(await titleOf(code)).toBe(title);
});
