/** MAC (KMIP 4.33). */
import { numberOf } from "../attributes/view";
import { CryptographicUsageMask, Operation } from "../protocol/enumerations";
import { asBytes, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { bytes, text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import { macFunction } from "./digests";
import { withKey } from "./key-use";
import { findObject, identifierOf, type OperationDefinition } from "./operation";
import { asParameters, effectiveParameters, PARTS, refuseParts, required } from "./parameters";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  parameters: optional(Tag.CryptographicParameters, asParameters),
  data: optional(Tag.Data, asBytes),
  ...PARTS,
});

export const mac: OperationDefinition = {
  code: Operation.MAC,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    refuseParts(request);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const data = required(request.data, "Data");
    try {
      const object = await findObject(context, identifier);
      const usage = CryptographicUsageMask.MACGenerate;
      const use = { purpose: "protect", usage, length: data.length } as const;
      const code = await withKey(context, object, use, () => {
        const algorithm = numberOf(object.attributes, "Cryptographic Algorithm");
        const compute = macFunction(algorithm, effectiveParameters(request.parameters, object));
        return (key) => compute(key, data);
      });
      return {
        payload: [text(Tag.UniqueIdentifier, identifier), bytes(Tag.MACData, code)],
        confidential: code,
      };
    } finally {
      wipe(data);
    }
  },
};
