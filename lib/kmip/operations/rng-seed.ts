/**
 * RNG Seed (KMIP 4.36). The seed is not used, as the specification allows: the generator of the operating system
 * needs no entropy of clients.
 */
import { Operation } from "../protocol/enumerations";
import { asBytes, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { integer } from "../ttlv/item";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ data: one(Tag.Data, asBytes) });

export const rngSeed: OperationDefinition = {
  code: Operation.RNGSeed,
  since: KmipVersion.V1_2,
  handle(context, payload) {
    readFields(REQUEST, payload, context);
    return { payload: [integer(Tag.DataLength, 0)] };
  },
};
