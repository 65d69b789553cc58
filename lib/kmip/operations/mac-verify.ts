/** MAC Verify (KMIP 4.34). */
import { timingSafeEqual } from "node:crypto";
import { numberOf } from "../attributes/view";
import { CryptographicUsageMask, Operation, ValidityIndicator } from "../protocol/enumerations";
import { asBytes, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { enumeration, text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import { macFunction } from "./digests";
import { withKey } from "./key-use";
import { findObject, identifierOf, type OperationDefinition } from "./operation";
import { asParameters, effectiveParameters, PARTS, refuseParts, required } from "./parameters";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  parameters: optional(Tag.CryptographicParameters, asParameters),
  data: optional(Tag.Data, asBytes),
  macData: optional(Tag.MACData, asBytes),
  ...PARTS,
});

export const macVerify: OperationDefinition = {
  code: Operation.MACVerify,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    refuseParts(request);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const macData = required(request.macData, "MAC Data");
    // None of the MACs here can be verified without what it was made of.
    const data = required(request.data, "Data");
    try {
      const object = await findObject(context, identifier);
      const usage = CryptographicUsageMask.MACVerify;
      const use = { purpose: "process", usage, length: data.length } as const;
      const expected = await withKey(context, object, use, () => {
        const algorithm = numberOf(object.attributes, "Cryptographic Algorithm");
        const compute = macFunction(algorithm, effectiveParameters(request.parameters, object));
        return (key) => compute(key, data);
      });
      const valid = expected.length === macData.length && timingSafeEqual(expected, macData);
      wipe(expected);
      const validity = valid ? ValidityIndicator.Valid : ValidityIndicator.Invalid;
      return {
        payload: [text(Tag.UniqueIdentifier, identifier), enumeration(Tag.ValidityIndicator, validity)],
        data: { valid },
      };
    } finally {
      wipe(data);
    }
  },
};
