/** Log (KMIP 2.1: 6.1.29): a message of the client for the log, which here is the audit log. */
import { Operation } from "../protocol/enumerations";
import { asText, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ message: one(Tag.LogMessage, asText) });

/** Characters that are kept. */
const MAX_MESSAGE = 1_000;

export const log: OperationDefinition = {
  code: Operation.Log,
  since: KmipVersion.V2_0,
  handle(context, payload) {
    const { message } = readFields(REQUEST, payload, context);
    // What was not logged may not be reported as done.
    return { payload: [], changed: true, data: { logMessage: message.slice(0, MAX_MESSAGE) } };
  },
};
