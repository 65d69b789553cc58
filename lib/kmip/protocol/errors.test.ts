import { describe, expect, it } from "vitest";
import { Operation, RESULT_REASONS, ResultReason } from "./enumerations";
import { FAILURES, type Failure, KmipError, reasonIn } from "./errors";
import { formatVersion, KmipVersion, SUPPORTED_VERSIONS } from "./versions";

const { V1_0, V1_3, V1_4, V2_0, V2_1 } = KmipVersion;

describe("Result Reasons of failures", () => {
  it("exist in every version that can answer them, for every operation", () => {
    for (const [name, failure] of Object.entries(FAILURES)) {
      for (const version of SUPPORTED_VERSIONS) {
        for (const operation of [null, ...Object.values(Operation)]) {
          // Encoding Option Error is of 1.1, as is the field that it is about.
          if (name === "encodingOptionError" && version === V1_0) {
            continue;
          }
          const reason = reasonIn(failure, version, operation);
          const place = `${name}, ${formatVersion(version)}, ${operation}`;
          expect(RESULT_REASONS.has(reason, version), place).toBe(true);
        }
      }
    }
  });

  it("are those of the newest rows that a version has, the operation's own first", () => {
    const failure: Failure = [
      [V1_0, ResultReason.PermissionDenied],
      [V1_0, ResultReason.IllegalOperation, Operation.Revoke],
      [V2_0, ResultReason.WrongKeyLifecycleState],
    ];
    expect(reasonIn(failure, V1_3, Operation.Get)).toBe(ResultReason.PermissionDenied);
    expect(reasonIn(failure, V1_3, Operation.Revoke)).toBe(ResultReason.IllegalOperation);
    expect(reasonIn(failure, V2_1, Operation.Revoke)).toBe(ResultReason.WrongKeyLifecycleState);
    expect(reasonIn(failure, V2_1, null)).toBe(ResultReason.WrongKeyLifecycleState);
  });

  it.each([
    ["objectNotFound", V1_4, Operation.Get, ResultReason.ItemNotFound],
    ["objectNotFound", V2_0, Operation.Get, ResultReason.ObjectNotFound],
    ["objectNotFound", V2_1, Operation.AdjustAttribute, ResultReason.ItemNotFound],
    ["sensitive", V1_3, Operation.Get, ResultReason.PermissionDenied],
    ["sensitive", V1_4, Operation.Get, ResultReason.Sensitive],
    ["readOnlyAttribute", V1_4, Operation.Create, ResultReason.InvalidField],
    ["readOnlyAttribute", V2_1, Operation.Create, ResultReason.AttributeReadOnly],
    ["readOnlyAttribute", V2_1, Operation.SetAttribute, ResultReason.ReadOnlyAttribute],
    ["readOnlyAttribute", V2_1, Operation.ModifyAttribute, ResultReason.AttributeReadOnly],
    ["nonUniqueName", KmipVersion.V1_1, Operation.AddAttribute, ResultReason.IllegalOperation],
    ["nonUniqueName", V2_0, Operation.AddAttribute, ResultReason.NonUniqueNameAttribute],
  ] as const)("%s in %i of operation %i", (name, version, operation, reason) => {
    expect(reasonIn(FAILURES[name], version, operation)).toBe(reason);
  });

  it("may be one for all versions", () => {
    const error = new KmipError(ResultReason.CryptographicFailure, "no");
    expect(error.reasonIn(V1_0)).toBe(ResultReason.CryptographicFailure);
    expect(error.reasonIn(V2_1, Operation.Encrypt)).toBe(ResultReason.CryptographicFailure);
  });
});
