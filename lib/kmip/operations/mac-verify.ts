/** MAC Verify (KMIP 4.34), whole or in parts. None of the MACs here can be verified without what it was made of. */
import { timingSafeEqual } from "node:crypto";
import { CryptographicUsageMask, Operation, ValidityIndicator } from "../protocol/enumerations";
import { invalidMessage } from "../protocol/errors";
import { asBytes, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { enumeration, text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import { asParameters } from "./cryptography/parameters";
import { macBeginning } from "./mac-beginning";
import type { OperationDefinition } from "./operation";
import { PARTS, withKeyInParts } from "./parts";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  parameters: optional(Tag.CryptographicParameters, asParameters),
  macData: optional(Tag.MACData, asBytes),
  ...PARTS,
});

const USE = {
  operation: Operation.MACVerify,
  purpose: "process",
  usage: CryptographicUsageMask.MACVerify,
} as const;

export const macVerify: OperationDefinition = {
  code: Operation.MACVerify,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { piece, identifier, ended, correlation, macData, result } = await withKeyInParts(
      context,
      request,
      USE,
      (object) => {
        if (request.macData === undefined && request.initIndicator !== true) {
          throw missing();
        }
        return macBeginning(object, request.parameters);
      },
    );
    const expected = piece.data;
    if (ended && macData === null) {
      wipe(expected);
      throw missing();
    }
    const valid = ended && macData !== null && isSame(expected, macData);
    wipe(expected);
    return {
      payload: [
        text(Tag.UniqueIdentifier, identifier),
        enumeration(Tag.ValidityIndicator, ended ? validity(valid) : ValidityIndicator.Unknown),
        ...correlation,
      ],
      ...result,
      data: { ...result.data, ...(ended ? { valid } : {}) },
    };
  },
};

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

const missing = () => invalidMessage("MAC Data is missing");

const validity = (valid: boolean): number => (valid ? ValidityIndicator.Valid : ValidityIndicator.Invalid);
