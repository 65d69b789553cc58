import { describe, expect, it } from "vitest";
import { type Finding, RUNNER_FINDINGS } from "@/lib/key-managers/checks/run-checks";
import { PROVIDERS } from "@/lib/key-managers/registry";
import { FAILURE_CODES, FINDINGS, type FindingParams, fillIn, wordsOf } from "./findings";

const found = new Map<string, Finding>(
  [RUNNER_FINDINGS, ...PROVIDERS.map(({ findings }) => findings)].flatMap((findings) =>
    Object.entries<Finding>(findings),
  ),
);
const codes = [...found.keys()];

/** A finding of some provider with its words. */
function describeFinding(code: string, values: FindingParams) {
  const finding = found.get(code);

  if (finding === undefined) {
    throw new Error(`Nobody finds ${code}.`);
  }

  return fillIn({ ...finding, ...wordsOf(code) }, values);
}

const params = {
  service: "kms",
  product: "Key Protect",
  guid: "guid-1",
  endpoint: "https://private.us-south.kms.cloud.ibm.com",
  serviceId: "ServiceId-1",
  serviceIdName: "kmip",
  crkId: "crk-1",
  crkName: "root",
  keyRing: "default",
  cause: "It broke.",
  attributes: "import_standard_key is off",
  policy: "{}",
  checkTitle: "x",
  state: "inactive",
  expiresAt: "2027-01-01T00:00:00.000Z",
  apiKeyId: "ApiKey-1",
  apiKeyName: "kmip-console",
  keyManagerName: "Production",
  iamId: "IBMid-1",
  wantedKeyRing: "vmware",
  addresses: "192.0.2.0/24",
  token: "vault",
  moduleName: "softhsm",
  model: "SoftHSM",
  keyManagerCode: "CKR_PIN_INCORRECT",
  bits: "128",
  versions: "2",
};

describe("findings", () => {
  it("have words for all that providers find, and for nothing else", () => {
    expect(Object.keys(FINDINGS).sort()).toEqual([...codes].sort());
  });

  it.each(codes)("%s has words without holes", (code) => {
    const { detail, remedy, command, status } = describeFinding(code, params);

    for (const text of [detail, remedy, command]) {
      expect(text ?? "x").not.toMatch(/undefined|null|\[object|^$/);
    }

    if (status === "fail" || status === "warn") {
      expect(remedy, "what to do about it").toBeTruthy();
    }
  });

  it.each(codes)("%s has words even when nothing is known", (code) => {
    const { remedy, command } = describeFinding(code, {});

    expect(`${remedy} ${command}`).not.toContain("[object");
  });

  it("grants the role on the instance to the service ID, and to a person by mail address", () => {
    expect(describeFinding("SERVICE_MANAGER_MISSING", params).command).toBe(
      "ibmcloud iam service-policy-create ServiceId-1 --roles Manager --service-name kms --service-instance guid-1",
    );
    expect(describeFinding("PLATFORM_VIEWER_MISSING", { ...params, serviceId: "" }).command).toBe(
      "ibmcloud iam user-policy-create USER_EMAIL --roles Viewer --service-name kms --service-instance guid-1",
    );
  });

  it("points the Key Protect CLI at HPCS", () => {
    expect(
      describeFinding("CRK_DISABLED", { ...params, service: "hs-crypto", endpoint: "https://h.example" })
        .command,
    ).toBe("KP_TARGET_ADDR=https://h.example ibmcloud kp key enable crk-1 -i guid-1");
  });

  it("lets no name out of its place in a command", () => {
    const { command } = describeFinding("CRK_DISABLED", { ...params, crkId: "x'; rm -rf ~ #$(id)" });

    expect(command).toBe("ibmcloud kp key enable 'x'\\''; rm -rf ~ #$(id)' -i guid-1");
  });

  it("counts failures only as reasons of an instance", () => {
    expect(FAILURE_CODES.has("CRK_DISABLED")).toBe(true);
    expect(FAILURE_CODES.has("API_KEY_OF_USER")).toBe(false);
    expect(FAILURE_CODES.has("CRK_ACTIVE")).toBe(false);
  });
});
