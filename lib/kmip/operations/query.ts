/** Query (KMIP 4.25). */
import { itemFromStored } from "../attributes/values";
import { invalidMessage } from "../errors";
import { ObjectType, Operation, QueryFunction } from "../protocol/enumerations";
import { asEnumeration, many, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { boolean, enumeration, type Item, structure, text } from "../ttlv/item";
import { RANDOM_NUMBER_GENERATOR } from "./material";
import type { OperationContext, OperationDefinition } from "./operation";

const REQUEST = schema({ functions: many(Tag.QueryFunction, asEnumeration) });

/** The types of objects that can be kept. */
const OBJECT_TYPES = [ObjectType.SymmetricKey, ObjectType.SecretData, ObjectType.OpaqueObject];

/** What each Query Function answers, in the order of Table 223. Functions without an entry have nothing to tell. */
const ANSWERS: readonly (readonly [queryFunction: number, answer: (context: OperationContext) => Item[]])[] =
  [
    [
      QueryFunction.QueryOperations,
      ({ operations, version }) =>
        [...operations.values()]
          .filter(({ since }) => since <= version)
          .map(({ code }) => enumeration(Tag.Operation, code)),
    ],
    [QueryFunction.QueryObjects, () => OBJECT_TYPES.map((code) => enumeration(Tag.ObjectType, code))],
    [
      QueryFunction.QueryServerInformation,
      ({ identity }) => [
        text(Tag.VendorIdentification, identity.vendorIdentification),
        structure(Tag.ServerInformation, []),
      ],
    ],
    [QueryFunction.QueryRNGs, () => [itemFromStored(Tag.RNGParameters, RANDOM_NUMBER_GENERATOR)]],
    [QueryFunction.QueryCapabilities, ({ version }) => [capabilities(version)]],
  ];

export const query: OperationDefinition = {
  code: Operation.Query,
  since: KmipVersion.V1_0,
  handle(context, payload) {
    const { functions } = readFields(REQUEST, payload, context);
    if (functions.length === 0) throw invalidMessage("Query Function is missing");
    const asked = new Set(functions);
    return {
      payload: ANSWERS.filter(([queryFunction]) => asked.has(queryFunction)).flatMap(([, answer]) =>
        answer(context),
      ),
    };
  },
};

/** Table 42 */
function capabilities(version: KmipVersion): Item {
  const fields: Item[] = [
    boolean(Tag.StreamingCapability, false),
    boolean(Tag.AsynchronousCapability, false),
    boolean(Tag.AttestationCapability, false),
  ];
  if (version >= KmipVersion.V1_4) {
    fields.push(boolean(Tag.BatchUndoCapability, false), boolean(Tag.BatchContinueCapability, true));
  }
  return structure(Tag.CapabilityInformation, fields);
}
