/** Ping (KMIP 2.1: 6.1.36): is the server alive? */
import { Operation } from "../protocol/enumerations";
import { readFields, schema } from "../protocol/fields";
import { KmipVersion } from "../protocol/versions";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({});

export const ping: OperationDefinition = {
  code: Operation.Ping,
  since: KmipVersion.V2_1,
  handle(context, payload) {
    readFields(REQUEST, payload, context);
    return { payload: [] };
  },
};
