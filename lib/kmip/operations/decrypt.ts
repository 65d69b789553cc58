/**
 * Decrypt (KMIP 4.30), whole or in parts. Of data with an authentication tag, nothing comes out before all of it has
 * come and is authentic.
 */
import { numberOf } from "../attributes/view";
import { CryptographicUsageMask, Operation } from "../protocol/enumerations";
import { asBytes, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { decryptWhole, openDecryption, requireTag } from "./cryptography/cipher-streams";
import { planCipher } from "./cryptography/ciphers";
import { asParameters, effectiveParameters, parametersOf } from "./cryptography/parameters";
import type { OperationDefinition } from "./operation";
import { PARTS, withKeyInParts } from "./parts";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  parameters: optional(Tag.CryptographicParameters, asParameters),
  iv: optional(Tag.IVCounterNonce, asBytes),
  ...PARTS,
  additional: optional(Tag.AuthenticatedEncryptionAdditionalData, asBytes, KmipVersion.V1_4),
  tag: optional(Tag.AuthenticatedEncryptionTag, asBytes, KmipVersion.V1_4),
});

const USE = {
  operation: Operation.Decrypt,
  purpose: "process",
  usage: CryptographicUsageMask.Decrypt,
} as const;

export const decrypt: OperationDefinition = {
  code: Operation.Decrypt,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { additional, tag } = request;
    const { piece, identifier, output, correlation, result } = await withKeyInParts(
      context,
      request,
      USE,
      (object) => {
        const parameters = effectiveParameters(request.parameters, object);
        const algorithm = numberOf(object.attributes, "Cryptographic Algorithm");
        const plan = planCipher(context, algorithm, parametersOf(parameters), {
          given: request.iv,
          mayBeMade: false,
        });
        const authentication = { additional, tag };
        requireTag(plan, authentication);
        return {
          parameters,
          iv: plan.iv,
          parts: !plan.whole,
          whole: (key, data) => ({ data: decryptWhole(plan, key, data, authentication), tag: null }),
          open: (key) => openDecryption(plan, key, authentication),
        };
      },
    );
    return {
      payload: [text(Tag.UniqueIdentifier, identifier), ...output(Tag.Data), ...correlation],
      confidential: piece.data,
      ...result,
    };
  },
};
