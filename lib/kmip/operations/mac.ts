/** MAC (KMIP 4.33), whole or in parts. */
import { CryptographicUsageMask, Operation } from "../protocol/enumerations";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { asParameters } from "./cryptography/parameters";
import { macBeginning } from "./mac-beginning";
import type { OperationDefinition } from "./operation";
import { PARTS, withKeyInParts } from "./parts";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  parameters: optional(Tag.CryptographicParameters, asParameters),
  ...PARTS,
});

const USE = {
  operation: Operation.MAC,
  purpose: "protect",
  usage: CryptographicUsageMask.MACGenerate,
} as const;

export const mac: OperationDefinition = {
  code: Operation.MAC,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { piece, identifier, output, correlation, result } = await withKeyInParts(
      context,
      request,
      USE,
      (object) => macBeginning(object, request.parameters),
    );
    return {
      payload: [text(Tag.UniqueIdentifier, identifier), ...output(Tag.MACData), ...correlation],
      confidential: piece.data,
      ...result,
    };
  },
};
