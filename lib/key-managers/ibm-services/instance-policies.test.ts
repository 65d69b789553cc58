import { describe, expect, it } from "vitest";
import { judgeInstancePolicies } from "./instance-policies";

const access = (enabled: boolean, attributes: Record<string, unknown>) => ({
  type: "keyCreateImportAccess",
  enabled,
  attributes,
});

describe("judgeInstancePolicies", () => {
  it.each([
    ["no policies", [], "STANDARD_KEYS_ALLOWED"],
    ["a policy that is off", [access(false, { import_standard_key: false })], "STANDARD_KEYS_ALLOWED"],
    ["root keys only forbidden", [access(true, { create_root_key: false })], "STANDARD_KEYS_ALLOWED"],
    ["no import", [access(true, { import_standard_key: false })], "STANDARD_KEYS_BLOCKED"],
    ["no creation", [access(true, { create_standard_key: false })], "STANDARD_KEYS_BLOCKED"],
    [
      "dual authorization",
      [{ type: "dualAuthDelete", enabled: true, attributes: {} }],
      "DUAL_AUTH_DELETE_ON",
    ],
    [
      "dual authorization that is off",
      [{ type: "dualAuthDelete", enabled: false, attributes: {} }],
      "STANDARD_KEYS_ALLOWED",
    ],
    [
      "addresses allowed",
      [{ type: "allowedIP", enabled: true, attributes: { allowed_ip: ["192.0.2.0/24", "2001:db8::1"] } }],
      "ADDRESS_POLICY_ON",
    ],
    [
      "addresses that are off",
      [{ type: "allowedIP", enabled: false, attributes: { allowed_ip: ["192.0.2.0/24"] } }],
      "STANDARD_KEYS_ALLOWED",
    ],
  ])("%s", (_name, policies, code) => {
    expect(judgeInstancePolicies(policies).code).toBe(code);
  });

  it.each([
    ["private-only", true, true, "NETWORK_POLICY_BLOCKS"],
    ["private-only", true, false, "STANDARD_KEYS_ALLOWED"],
    ["private-only", false, true, "STANDARD_KEYS_ALLOWED"],
    ["public-and-private", true, true, "STANDARD_KEYS_ALLOWED"],
  ])("network %s (on: %s) at a public endpoint (%s): %s", (network, enabled, isPublic, code) => {
    const policy = { type: "allowedNetwork", enabled, attributes: { allowed_network: network } };

    expect(judgeInstancePolicies([policy], isPublic).code).toBe(code);
  });

  it("sends the policy back with only the two switches changed", () => {
    const verdict = judgeInstancePolicies([
      access(true, { create_root_key: false, import_standard_key: false, enforce_token: true }),
    ]);

    expect(JSON.parse(verdict.params?.policy ?? "").resources[0].policy_data.attributes).toEqual({
      create_root_key: false,
      create_standard_key: true,
      import_root_key: true,
      import_standard_key: true,
      enforce_token: true,
    });
    expect(verdict.params?.attributes).toBe("import_standard_key is off");
  });
});
