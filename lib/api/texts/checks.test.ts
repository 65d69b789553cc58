import { describe, expect, it } from "vitest";
import { CONNECTION_FINDINGS } from "@/lib/core/endpoints/connection-findings";
import { CONNECTION_CHECKS } from "@/lib/core/endpoints/connection-report";
import { checkTexts, checkTitle } from "@/lib/i18n/check-texts";
import { createIbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { Secret } from "@/lib/ibm-cloud/secret";
import { type Findings, RUNNER_FINDINGS } from "@/lib/key-managers/checks/run-checks";
import { PROVIDERS } from "@/lib/key-managers/registry";
import english from "@/messages/en";
import { LANGUAGES, legibleIn } from "@/test/support/languages";
import { permissionReport } from "../key-managers/schemas";
import { describeCheck, describeReport, keptReport } from "./checks";

/** Every value is its own name in brackets. */
const NAMES = Object.fromEntries(
  [english.findings.detail, english.findings.remedy]
    .flatMap((texts) => Object.values(texts))
    .flatMap((text) => [...text.matchAll(/\{(\w+)[,}]/g)].map(([, name = ""]) => name))
    .map((name) => [name, `[${name}]`]),
);

const found: Findings = Object.assign(
  {},
  RUNNER_FINDINGS,
  CONNECTION_FINDINGS,
  ...PROVIDERS.map(({ findings }) => findings),
);
const findings = Object.entries(found).map(([code, { status }]) => ({ code, status }));

const refuse = () => Promise.reject(new Error("Nobody is there."));

/** The ids of all checks of every provider: a report has them all, also where nobody is reached. */
async function checksOfProviders(): Promise<string[]> {
  const nowhere = { iamUrl: "http://127.0.0.1:1", resourceControllerUrl: "http://127.0.0.1:1" };
  const cloud = createIbmCloud({ ...nowhere, endpointType: "public" });
  const tokenSource = () => ({ token: refuse, refused: () => false, renew() {} });
  const context = {
    cloud: { ...cloud, iam: { ...cloud.iam, tokenSource, authorizedTokenSource: tokenSource } },
    wrappedKeys: { insert: refuse, find: refuse, read: refuse, delete: refuse },
  };
  const input = {
    ...{ keyManagerCrn: "", crkId: "", keyRing: null, endpoint: null, givenEndpoint: null },
    call: { correlationId: "titles", signal: AbortSignal.abort() },
    mayTrySecret: false,
  };
  const outcomes = PROVIDERS.flatMap((provider) =>
    [
      { secret: new Secret("nobody's") },
      ...(provider.authorization ? [{ authorizedFor: "nobody" }] : []),
    ].map((credential) => provider.checks(context, { ...input, credential })),
  );

  return (await Promise.all(outcomes)).flatMap(({ results }) => results.map(({ id }) => id));
}

const CHECKS_OF_PROVIDERS = await checksOfProviders();
const CHECKS_WITH_TITLES = Object.keys(english.permissions.checks);

describe("what a check found", () => {
  it.each(findings)("$code is said in every language, $status with what to do", ({ code, status }) => {
    const remedied = status === "fail" || status === "warn";

    for (const params of [NAMES, {}]) {
      const said = describeCheck({ id: "apiKey", status, code, params });

      expect(said.remedy !== undefined).toBe(remedied);
      for (const { locale, t } of LANGUAGES) {
        const { title, detail, remedy } = checkTexts(t, { id: "apiKey", code, params });

        expect(remedy !== null, locale).toBe(remedied);
        for (const text of [title, detail, ...(remedied ? [remedy] : [])]) {
          // Without the values that it names, little may be left of a text.
          expect(text, locale).toMatch(params === NAMES ? legibleIn(locale) : /^/);
          expect(text, locale).not.toMatch(/undefined|null|findings\.|[{}]/);
        }
      }
    }

    const { detail } = describeCheck({ id: "apiKey", status, code, params: NAMES });
    const details = LANGUAGES.map(({ t }) => checkTexts(t, { id: "apiKey", code, params: NAMES }).detail);

    expect(detail).not.toBe(code);
    expect(details).toContain(detail);
    expect(new Set(details).size).toBe(LANGUAGES.length);
  });

  it("is nothing but what checks find", () => {
    const codes = findings.map(({ code }) => code).sort();

    expect(Object.keys(english.findings.detail).sort()).toEqual(codes);
    expect(codes).toEqual(expect.arrayContaining(Object.keys(english.findings.remedy)));
  });

  it.each([...new Set([...CHECKS_OF_PROVIDERS, ...CHECKS_WITH_TITLES, ...CONNECTION_CHECKS])])(
    "the check %s has a title in every language",
    (id) => {
      expect(describeCheck({ id, status: "pass", code: "CHECK_BROKE" }).title).not.toBe(id);
      for (const { locale, t } of LANGUAGES) {
        expect(checkTitle(t, id), locale).toMatch(legibleIn(locale));
      }
    },
  );
});

const detailOf = (code: string, params: Record<string, string>) =>
  describeCheck({ id: "apiKey", status: "fail", code, params }).detail;

describe("details of the API", () => {
  it("names the service ID, the instance and the API key as far as they are known", () => {
    expect(detailOf("SERVICE_MANAGER_MISSING", { serviceIdName: "kmip", keyManagerName: "Production" })).toBe(
      "The service ID kmip lacks the service role Manager on Production. KEKs could not be deleted there.",
    );
    expect(detailOf("SERVICE_MANAGER_MISSING", { serviceId: "ServiceId-1", product: "Key Protect" })).toBe(
      "The service ID lacks the service role Manager on the Key Protect instance. KEKs could not be deleted there.",
    );
    expect(detailOf("KEY_MANAGER_NOT_FOUND", { guid: "guid-1" })).toBe(
      "IBM Cloud shows no instance guid-1: it was removed, or the owner of the API key lacks the platform role Viewer on it.",
    );
    expect(detailOf("API_KEY_DISABLED", { apiKeyId: "ApiKey-1" })).toBe(
      "The API key ApiKey-1 is disabled, and IAM gives no token for it.",
    );
  });

  it("puts a code of IAM where it belongs", () => {
    expect(detailOf("API_KEY_REFUSED", { iamCode: "BXNIM0415E" })).toBe(
      "IAM does not accept the API key (BXNIM0415E): it is mistyped, deleted, disabled or expired.",
    );
    expect(detailOf("API_KEY_REFUSED", {})).toBe(
      "IAM does not accept the API key: it is mistyped, deleted, disabled or expired.",
    );
  });

  it("tells a cause by the key manager's own code, and what the key manager said by any other", () => {
    const cause = "Key Protect said something.";

    expect(
      detailOf("KEY_MANAGER_REFUSED", {
        product: "Key Protect",
        cause,
        keyManagerCode: "KEY_ROTATION_NOT_PERMITTED",
      }),
    ).toBe(
      "Key Protect refused the check: The root key was rotated within the last hour. Wait an hour after the last rotation. (KEY_ROTATION_NOT_PERMITTED)",
    );
    expect(
      detailOf("KEY_MANAGER_REFUSED", { product: "Key Protect", cause, keyManagerCode: "NEW_ERR" }),
    ).toBe(`Key Protect refused the check: ${cause}`);
  });

  it.each([
    [
      { whyCode: "ROLE_ON_OTHER_INSTANCE", role: "Manager", otherInstance: "guid-2" },
      "It holds Manager on another instance (guid-2).",
    ],
    [
      { whyCode: "ROLE_ON_OTHER_INSTANCE", role: "Manager" },
      "It holds Manager elsewhere: another region or resource group.",
    ],
    [
      { whyCode: "ROLE_NARROWED", role: "Manager", onlyKeyRing: "vmware" },
      "It holds Manager only on the key ring vmware.",
    ],
    [
      { whyCode: "ROLE_NARROWED", role: "Manager" },
      "It holds Manager only on single keys, not on the whole instance.",
    ],
    [
      { whyCode: "ROLE_CONDITIONAL", role: "Manager" },
      "It holds Manager only at certain times (a policy condition).",
    ],
    [{ whyCode: "ROLE_MISSING", role: "Manager" }, "None of its policies covers this instance with Manager."],
    [
      { whyCode: "CUSTOM_ROLE_ONLY", role: "Manager", roles: "KmipUser" },
      "It holds the custom role KmipUser, which lacks actions that Manager has.",
    ],
    [
      { whyCode: "OTHER_ROLE_ONLY", role: "Manager", roles: "Reader" },
      "Its policies grant only Reader on this instance.",
    ],
    [
      { whyCode: "AUTHORIZATION_OF_OTHER_INSTANCE", otherInstance: "0190-2" },
      "There is one for another KMIP instance (0190-2).",
    ],
    [{ whyCode: "CONNECTION_REFUSED" }, "The connection was refused."],
    [{ why: "wrong version number." }, "wrong version number."],
    // A report that was kept with its sentence, but without the values of it.
    [
      { whyCode: "ROLE_MISSING", why: "None of its policies covers this instance with Viewer." },
      "None of its policies covers this instance with Viewer.",
    ],
  ])("says why: %o", (params, why) => {
    const check = describeCheck({ id: "crkFound", status: "fail", code: "CRK_FORBIDDEN", params });

    expect(check.detail).toMatch(/limited to another key ring\. \S/);
    expect(check.detail).toContain(why);
    expect(check.params).toMatchObject({ ...params, why });
  });

  it("names the check for which another one waits", () => {
    const check = describeCheck({
      id: "tls",
      status: "skipped",
      code: "WAITS_FOR",
      params: { check: "tcp" },
    });

    expect(check).toEqual({
      id: "tls",
      title: "TLS handshake",
      status: "skipped",
      detail: "Waits for “Endpoint can be reached”.",
      code: "WAITS_FOR",
      params: { check: "tcp", checkTitle: "Endpoint can be reached" },
    });
  });

  it("of a report that was kept with its texts are those", () => {
    const kept = {
      id: "apiKey",
      title: "API key",
      status: "fail" as const,
      detail: "As it was said then.",
      code: "API_KEY_REFUSED",
      durationMs: 3,
    };

    expect(describeCheck(kept)).toEqual(kept);
  });

  it("of reports in the database come with and without the texts of then", () => {
    const report = { ok: false, checkedAt: "2026-01-01T00:00:00.000Z", serviceId: null };
    const then = { id: "crkFound", title: "Root key", status: "fail", detail: "It is gone.", durationMs: 1 };
    const now = {
      id: "crkActive",
      status: "pass",
      code: "CRK_ACTIVE",
      params: { crkName: "a" },
      durationMs: 1,
    };

    expect(
      permissionReport.parse(describeReport(keptReport.parse({ ...report, checks: [then, now] }))),
    ).toEqual({
      ...report,
      checks: [then, { ...now, title: "Customer root key is active", detail: "The root key a is active." }],
    });
  });
});
