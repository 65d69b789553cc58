import { describe, expect, it } from "vitest";
import { policyV2 } from "@/lib/ibm-cloud/iam-schemas";
import { explain, type PolicyTarget } from "./explain-policies";

const target: PolicyTarget = {
  service: "kms",
  guid: "guid-1",
  region: "us-south",
  accountId: "acc",
  resourceGroupId: "group-1",
};

type Attribute = { key: string; operator?: string; value: string | boolean | string[] };

function policy(role: string, attributes: Attribute[], more: object = {}) {
  return policyV2.parse({
    id: "p",
    type: "access",
    state: "active",
    control: { grant: { roles: [{ role_id: `crn:v1:bluemix:public:iam::::serviceRole:${role}` }] } },
    resource: {
      attributes: [
        { key: "serviceName", operator: "stringEquals", value: "kms" },
        ...attributes.map((attribute) => ({ operator: "stringEquals", ...attribute })),
      ],
    },
    ...more,
  });
}

const instance = (value: string) => ({ key: "serviceInstance", value });

describe("explain", () => {
  it.each([
    ["nothing readable", [], null],
    ["only other services", [policy("Manager", [{ key: "serviceName", value: "cos" }])], null],
    ["a deleted policy", [policy("Manager", [], { state: "deleted" })], null],
    ["the role in full, so that something else is wrong", [policy("Manager", [instance("guid-1")])], null],
    ["the role by account", [policy("Manager", [{ key: "accountId", value: "acc" }])], null],
    ["the role on another instance", [policy("Manager", [instance("guid-2")])], "ROLE_ON_OTHER_INSTANCE"],
    [
      "the role in another region",
      [policy("Manager", [{ key: "region", value: "eu-de" }])],
      "ROLE_ON_OTHER_INSTANCE",
    ],
    [
      "the role in another resource group",
      [policy("Manager", [{ key: "resourceGroupId", value: "group-2" }])],
      "ROLE_ON_OTHER_INSTANCE",
    ],
    [
      "the role on a key ring",
      [policy("Manager", [instance("guid-1"), { key: "keyRing", value: "vmware" }])],
      "ROLE_NARROWED",
    ],
    [
      "the role on one key",
      [policy("Manager", [instance("guid-1"), { key: "resource", value: "key-1" }])],
      "ROLE_NARROWED",
    ],
    ["another role here", [policy("Reader", [instance("guid-1")])], "OTHER_ROLE_ONLY"],
    ["another role elsewhere", [policy("Reader", [instance("guid-2")])], "ROLE_MISSING"],
    [
      "the role at certain times",
      [policy("Manager", [instance("guid-1")], { rule: { operator: "and", conditions: [] } })],
      "ROLE_CONDITIONAL",
    ],
    [
      "a pattern that covers the instance",
      [policy("Manager", [{ key: "serviceInstance", operator: "stringMatch", value: "guid-?" }])],
      null,
    ],
    [
      "a pattern that does not",
      [policy("Manager", [{ key: "serviceInstance", operator: "stringMatch", value: "other-*" }])],
      "ROLE_ON_OTHER_INSTANCE",
    ],
    [
      "one of several instances",
      [
        policy("Manager", [
          { key: "serviceInstance", operator: "stringEqualsAnyOf", value: ["x", "guid-1"] },
        ]),
      ],
      null,
    ],
  ])("%s", (_name, policies, expected) => {
    expect(explain(policies, target, "Manager")?.code ?? null).toBe(expected);
  });

  it("names the other instance and the key ring", () => {
    expect(explain([policy("Manager", [instance("guid-2")])], target, "Manager")?.params).toEqual({
      role: "Manager",
      otherInstance: "guid-2",
    });
    expect(
      explain([policy("Manager", [{ key: "keyRing", value: "vmware" }])], target, "Manager")?.params,
    ).toEqual({ role: "Manager", onlyKeyRing: "vmware" });
  });

  it("takes a pattern's other characters as they are", () => {
    const dotted = policy("Manager", [{ key: "serviceInstance", operator: "stringMatch", value: "guid.1" }]);

    expect(explain([dotted], target, "Manager")?.code).toBe("ROLE_ON_OTHER_INSTANCE");
  });
});
