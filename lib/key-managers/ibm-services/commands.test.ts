import { describe, expect, it } from "vitest";
import { type Finding, type Params, RUNNER_FINDINGS } from "../checks/run-checks";
import { PROVIDERS } from "../registry";

const found = new Map<string, Finding>(
  [RUNNER_FINDINGS, ...PROVIDERS.map(({ findings }) => findings)].flatMap((findings) =>
    Object.entries<Finding>(findings),
  ),
);

/** The command that mends what was found. */
function commandOf(code: string, params: Params): string | undefined {
  return found.get(code)?.command?.(params);
}

const params = {
  service: "kms",
  guid: "guid-1",
  endpoint: "https://private.us-south.kms.cloud.ibm.com",
  serviceId: "ServiceId-1",
  crkId: "crk-1",
  policy: "{}",
  apiKeyId: "ApiKey-1",
  iamId: "IBMid-1",
  token: "vault",
};

describe("the command for a finding", () => {
  it.each([...found.keys()])("%s has none with holes", (code) => {
    for (const values of [params, {}]) {
      expect(commandOf(code, values) ?? "x").not.toMatch(/null|\[object|^$/);
    }
    expect(commandOf(code, params) ?? "x").not.toContain("undefined");
  });

  it("grants the role on the instance to the service ID, and to a person by mail address", () => {
    expect(commandOf("SERVICE_MANAGER_MISSING", params)).toBe(
      "ibmcloud iam service-policy-create ServiceId-1 --roles Manager --service-name kms --service-instance guid-1",
    );
    expect(commandOf("PLATFORM_VIEWER_MISSING", { ...params, serviceId: "" })).toBe(
      "ibmcloud iam user-policy-create USER_EMAIL --roles Viewer --service-name kms --service-instance guid-1",
    );
  });

  it("points the Key Protect CLI at HPCS", () => {
    expect(
      commandOf("CRK_DISABLED", { ...params, service: "hs-crypto", endpoint: "https://h.example" }),
    ).toBe("KP_TARGET_ADDR=https://h.example ibmcloud kp key enable crk-1 -i guid-1");
  });

  it("lets no name out of its place in a command", () => {
    const command = commandOf("CRK_DISABLED", { ...params, crkId: "x'; rm -rf ~ #$(id)" });

    expect(command).toBe("ibmcloud kp key enable 'x'\\''; rm -rf ~ #$(id)' -i guid-1");
  });
});
