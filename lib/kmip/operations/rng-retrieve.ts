/** RNG Retrieve (KMIP 4.35). */

import { Operation } from "../protocol/enumerations";
import { invalidField } from "../protocol/errors";
import { asCount, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { bytes } from "../ttlv/item";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ dataLength: one(Tag.DataLength, asCount) });

export const rngRetrieve: OperationDefinition = {
  code: Operation.RNGRetrieve,
  since: KmipVersion.V1_2,
  handle(context, payload) {
    const { dataLength } = readFields(REQUEST, payload, context);
    const most = context.limits.maxRandomBytes;
    if (dataLength > most) {
      throw invalidField(`Data Length is more than ${most}`);
    }
    const data = context.random.bytes(dataLength);
    return { payload: [bytes(Tag.Data, data)], confidential: data, data: { dataLength } };
  },
};
