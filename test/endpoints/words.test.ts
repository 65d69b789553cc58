import { expect, it } from "vitest";
import {
  CONNECTION_CAUSES,
  CONNECTION_FINDINGS,
  CONNECTION_TITLES,
} from "@/lib/core/endpoints/connection-findings";
import { type Finding, fillIn } from "@/lib/core/permissions/findings";
import english from "@/messages/en";
import chinese from "@/messages/zh-CN";

type Words = { readonly [key: string]: string };

/** Every value is its own name in braces, as messages write it. */
const NAMES = new Proxy<Words>({}, { get: (_, name) => `{${String(name)}}` });
const details: Words = english.findings.detail;
const remedies: Words = english.findings.remedy;

it.each(Object.entries<Finding>(CONNECTION_FINDINGS))(
  "the console says of %s what the API says, and has it in Chinese",
  (code, finding) => {
    const { detail, remedy } = fillIn(finding, NAMES);
    expect(details[code]).toBe(detail);
    expect(remedies[code]).toBe(remedy);
    expect((chinese.findings.detail as Words)[code]).toBeTruthy();
    // What fails or is doubtful comes with something to do about it.
    expect(remedy !== undefined).toBe(finding.status === "fail" || finding.status === "warn");
  },
);

it("titles and causes are the API's too", () => {
  expect(english.connect.test.checks).toEqual(CONNECTION_TITLES);
  expect(english.findings.why).toMatchObject(CONNECTION_CAUSES);
});
