/** Encrypt (KMIP 4.29), whole or in parts. */
import { numberOf } from "../attributes/view";
import { CryptographicUsageMask, Operation } from "../protocol/enumerations";
import { asBytes, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { bytes, text } from "../ttlv/item";
import { encryptWhole, openEncryption } from "./cryptography/cipher-streams";
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
});

const USE = {
  operation: Operation.Encrypt,
  purpose: "protect",
  usage: CryptographicUsageMask.Encrypt,
} as const;

export const encrypt: OperationDefinition = {
  code: Operation.Encrypt,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const input = { random: context.random, additional: request.additional };
    const { piece, identifier, output, told, correlation, result } = await withKeyInParts(
      context,
      request,
      USE,
      (object) => {
        const parameters = effectiveParameters(request.parameters, object);
        const algorithm = numberOf(object.attributes, "Cryptographic Algorithm");
        const plan = planCipher(context, algorithm, parametersOf(parameters), {
          given: request.iv,
          mayBeMade: true,
        });
        return {
          parameters,
          iv: plan.iv,
          parts: !plan.whole,
          answer: plan.ivIsNew ? [bytes(Tag.IVCounterNonce, plan.iv)] : [],
          whole: (key, data) => encryptWhole(plan, key, input, data),
          open: (key) => openEncryption(plan, key, input),
        };
      },
    );
    return {
      payload: [
        text(Tag.UniqueIdentifier, identifier),
        ...output(Tag.Data),
        ...told,
        ...correlation,
        ...(piece.tag === null ? [] : [bytes(Tag.AuthenticatedEncryptionTag, piece.tag)]),
      ],
      confidential: piece.data,
      ...result,
    };
  },
};
