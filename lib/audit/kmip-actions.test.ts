import { expect, it } from "vitest";
import { OPERATION_REGISTRY } from "@/lib/kmip/operations";
import { OPERATIONS, Operation } from "@/lib/kmip/protocol/enumerations";
import { KMIP_ACTIONS } from "./kmip-actions";

/** Operations that are recorded as `kmip.default`: they neither touch an object nor tell of one. */
const DEFAULT: readonly number[] = [Operation.SetEndpointRole];

it("every operation of the engine has an action of its own in the audit log", () => {
  const nameless = [...OPERATION_REGISTRY.keys()].filter((code) => !KMIP_ACTIONS.has(code));

  expect(nameless.map((code) => OPERATIONS.nameOf(code))).toEqual(
    DEFAULT.map((code) => OPERATIONS.nameOf(code)),
  );
});
