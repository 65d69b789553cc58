/** Hash (KMIP 4.37): of data alone, no object is needed. */
import { createHash } from "node:crypto";
import { Operation } from "../protocol/enumerations";
import { asBytes, one, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { bytes } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import { hashName } from "./digests";
import type { OperationDefinition } from "./operation";
import { asParameters, PARTS, parametersOf, refuseParts, required } from "./parameters";

const REQUEST = schema({
  parameters: one(Tag.CryptographicParameters, asParameters),
  data: optional(Tag.Data, asBytes),
  ...PARTS,
});

export const hash: OperationDefinition = {
  code: Operation.Hash,
  since: KmipVersion.V1_2,
  handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    refuseParts(request);
    const data = required(request.data, "Data");
    try {
      const digest = createHash(hashName(parametersOf(request.parameters)))
        .update(data)
        .digest();
      return { payload: [bytes(Tag.Data, digest)] };
    } finally {
      wipe(data);
    }
  },
};
