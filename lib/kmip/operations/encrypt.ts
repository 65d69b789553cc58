/** Encrypt (KMIP 4.29). */
import { numberOf } from "../attributes/view";
import { CryptographicUsageMask, Operation } from "../protocol/enumerations";
import { asBytes, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { bytes, text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import { encryptWith, planCipher } from "./ciphers";
import { withKey } from "./key-use";
import { findObject, identifierOf, type OperationDefinition } from "./operation";
import { asParameters, effectiveParameters, PARTS, refuseParts, required } from "./parameters";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  parameters: optional(Tag.CryptographicParameters, asParameters),
  data: optional(Tag.Data, asBytes),
  iv: optional(Tag.IVCounterNonce, asBytes),
  ...PARTS,
  additional: optional(Tag.AuthenticatedEncryptionAdditionalData, asBytes, KmipVersion.V1_4),
});

export const encrypt: OperationDefinition = {
  code: Operation.Encrypt,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    refuseParts(request);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const data = required(request.data, "Data");
    try {
      const object = await findObject(context, identifier);
      const use = { purpose: "protect", usage: CryptographicUsageMask.Encrypt, length: data.length } as const;
      const { plan, result } = await withKey(context, object, use, () => {
        const algorithm = numberOf(object.attributes, "Cryptographic Algorithm");
        const parameters = effectiveParameters(request.parameters, object);
        const plan = planCipher(context, algorithm, parameters, request.iv, true);
        return (key) => ({ plan, result: encryptWith(plan, key, data, request.additional) });
      });
      return {
        payload: [
          text(Tag.UniqueIdentifier, identifier),
          bytes(Tag.Data, result.data),
          ...(plan.ivIsNew ? [bytes(Tag.IVCounterNonce, plan.iv)] : []),
          ...(result.tag === null ? [] : [bytes(Tag.AuthenticatedEncryptionTag, result.tag)]),
        ],
        confidential: result.data,
      };
    } finally {
      wipe(data);
    }
  },
};
