/** Decrypt (KMIP 4.30). */
import { numberOf } from "../attributes/view";
import { CryptographicUsageMask, Operation } from "../protocol/enumerations";
import { asBytes, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { bytes, text } from "../ttlv/item";
import { decryptWith, planCipher } from "./ciphers";
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
  tag: optional(Tag.AuthenticatedEncryptionTag, asBytes, KmipVersion.V1_4),
});

export const decrypt: OperationDefinition = {
  code: Operation.Decrypt,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    refuseParts(request);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const data = required(request.data, "Data");
    const object = await findObject(context, identifier);
    const use = { purpose: "process", usage: CryptographicUsageMask.Decrypt, length: data.length } as const;
    const plaintext = await withKey(context, object, use, () => {
      const algorithm = numberOf(object.attributes, "Cryptographic Algorithm");
      const parameters = effectiveParameters(request.parameters, object);
      const plan = planCipher(context, algorithm, parameters, request.iv, false);
      return (key) => decryptWith(plan, key, data, request.additional, request.tag);
    });
    return {
      payload: [text(Tag.UniqueIdentifier, identifier), bytes(Tag.Data, plaintext)],
      confidential: plaintext,
    };
  },
};
