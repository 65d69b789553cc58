import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCrn } from "./crn";

describe("parseCrn", () => {
  it("reads a Key Protect instance", () => {
    expect(parseCrn("crn:v1:bluemix:public:kms:us-south:a/acc1:0f2c-11::")).toEqual({
      service: "kms",
      region: "us-south",
      accountId: "acc1",
      instance: "0f2c-11",
    });
  });

  it.each([
    "",
    "crn:v1:bluemix:public:kms:us-south:a/acc1:guid",
    "crn:v2:bluemix:public:kms:us-south:a/acc1:guid::",
    "xcrn:v1:bluemix:public:kms:us-south:a/acc1:guid::",
    "crn:v1:bluemix:public:kms::a/acc1:guid::",
    "crn:v1:bluemix:public:kms:us-south:a/acc1:::",
    "crn:v1:bluemix:public:kms:us-south:a/acc1:../../other::",
  ])("refuses %j", (text) => {
    expect(parseCrn(text)).toBeNull();
  });

  it("never throws, and gives only instance names that are safe in a path", () => {
    fc.assert(
      fc.property(fc.string(), (tail) => {
        const parsed = parseCrn(`crn:v1:bluemix:public:kms:us-south:a/x:${tail}::`);

        expect(parsed === null || /^[A-Za-z0-9._-]+$/.test(parsed.instance)).toBe(true);
      }),
    );
  });
});
