/** Get Usage Allocation (KMIP 4.18). */

import { changeOf, stateAt } from "../attributes/lifecycle";
import { numberOf } from "../attributes/view";
import { Operation, CryptographicUsageMask as Usage } from "../protocol/enumerations";
import { attributeNotFound, incompatibleUsageMask, invalidField } from "../protocol/errors";
import { asLongInteger, asText, one, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { allowsUsage, refuseUse } from "./objects/key-use";
import { changeObject, identifierOf } from "./objects/lookup";
import { usageLimitsOf, withShareTaken } from "./objects/usage-limits";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  usageLimitsCount: one(Tag.UsageLimitsCount, asLongInteger),
});

/** What applies protection (3.21). */
const PROTECTING = Usage.Sign | Usage.Encrypt | Usage.WrapKey | Usage.MACGenerate | Usage.DeriveKey;

export const getUsageAllocation: OperationDefinition = {
  code: Operation.GetUsageAllocation,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const units = request.usageLimitsCount;
    if (units < 0n) {
      throw invalidField("Usage Limits Count is negative");
    }
    await changeObject(context, identifier, (object) => {
      const limits = usageLimitsOf(object.attributes);
      if (limits === null) {
        throw attributeNotFound("The object has no Usage Limits");
      }
      if (!allowsUsage(numberOf(object.attributes, "Cryptographic Usage Mask") ?? 0, PROTECTING)) {
        throw incompatibleUsageMask("The object is not for applying cryptographic protection");
      }
      refuseUse(context, object, "protect");
      const attributes = withShareTaken(object.attributes, limits, units);
      return { change: changeOf(object, context.now, stateAt(object, context.now), attributes) };
    });
    return {
      payload: [text(Tag.UniqueIdentifier, identifier)],
      changed: true,
      data: { usageLimitsCount: units.toString() },
    };
  },
};
