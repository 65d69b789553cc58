/**
 * Interop (KMIP 2.1: 6.1.26): where a test run stands. Servers in production do not have it; an engine has it only if it
 * is told so.
 */
import { Operation } from "../protocol/enumerations";
import { asEnumeration, asText, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  function: one(Tag.InteropFunction, asEnumeration),
  identifier: one(Tag.InteropIdentifier, asText),
});

export const interop: OperationDefinition = {
  code: Operation.Interop,
  since: KmipVersion.V2_0,
  handle(context, payload) {
    readFields(REQUEST, payload, context);
    return { payload: [] };
  },
};
