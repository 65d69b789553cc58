/** Query (KMIP 4.25; 2.1: 6.1.40). */
import { STORAGE_MASK } from "../attributes/storage-masks";
import { termOf } from "../attributes/terms";
import { itemFromStored } from "../attributes/values";
import { ObjectType, Operation, QueryFunction } from "../protocol/enumerations";
import { FAILURES, invalidMessage, KmipError } from "../protocol/errors";
import {
  asEnumeration,
  asFields,
  asText,
  type ItemReader,
  isKnownEnumeration,
  many,
  optional,
  readFields,
  schema,
} from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion, NEWEST_VERSION } from "../protocol/versions";
import { boolean, enumeration, type Item, integer, structure, text } from "../ttlv/item";
import type { OperationContext } from "./context";
import { OBJECT_DEFAULTS, type ObjectDefaults } from "./objects/defaults";
import { RANDOM_NUMBER_GENERATOR } from "./objects/material";
import type { OperationDefinition } from "./operation";
import { profileItems } from "./query-profiles";

const OBJECT_GROUPS = schema({ groups: many(Tag.ObjectGroup, asText) });

/** A Query Function. One of a later version has no answer in an earlier one, as others that there is nothing to tell of. */
const asFunction: ItemReader<number> = (item, context) =>
  asEnumeration(item, { ...context, version: NEWEST_VERSION });

const REQUEST = schema({
  functions: many(Tag.QueryFunction, asFunction),
  groups: optional(Tag.ObjectGroups, asFields(OBJECT_GROUPS), KmipVersion.V2_1),
});

/** The types of objects that can be kept. */
const OBJECT_TYPES = [
  ObjectType.SymmetricKey,
  ObjectType.Template,
  ObjectType.SecretData,
  ObjectType.OpaqueObject,
];

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
    [
      QueryFunction.QueryObjects,
      ({ version }) =>
        OBJECT_TYPES.filter((code) => isKnownEnumeration(Tag.ObjectType, code, version)).map((code) =>
          enumeration(Tag.ObjectType, code),
        ),
    ],
    [
      QueryFunction.QueryServerInformation,
      ({ identity, version }) => [
        text(Tag.VendorIdentification, identity.vendorIdentification),
        structure(
          Tag.ServerInformation,
          // 2.1: 7.37. In 1.x all of it is the vendor's.
          isSecondMajor(version) ? [text(Tag.ProductName, identity.vendorIdentification)] : [],
        ),
      ],
    ],
    [QueryFunction.QueryRNGs, () => [itemFromStored(Tag.RNGParameters, RANDOM_NUMBER_GENERATOR)]],
    [
      QueryFunction.QueryProfiles,
      // The profiles of 1.x have names of their own for each version; none is claimed.
      ({ identity, version }) => (isSecondMajor(version) ? profileItems(identity.overHttps === true) : []),
    ],
    [QueryFunction.QueryCapabilities, ({ version }) => [capabilities(version)]],
    [
      QueryFunction.QueryDefaultsInformation,
      () => [structure(Tag.DefaultsInformation, OBJECT_DEFAULTS.map(defaultsItem))],
    ],
    [
      QueryFunction.QueryStorageProtectionMasks,
      ({ version }) => {
        const mask = integer(Tag.ProtectionStorageMask, STORAGE_MASK);
        // 2.0 repeats the masks, 2.1 has a structure for them.
        return version >= KmipVersion.V2_1 ? [structure(Tag.ProtectionStorageMasks, [mask])] : [mask];
      },
    ],
  ];

export const query: OperationDefinition = {
  code: Operation.Query,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const { functions, groups } = readFields(REQUEST, payload, context);
    if (functions.length === 0) {
      throw invalidMessage("Query Function is missing");
    }
    // What is answered is the same for all groups; they only have to exist.
    for (const group of groups?.groups ?? []) {
      await findGroup(context, group);
    }
    const asked = new Set(
      functions.filter((code) => isKnownEnumeration(Tag.QueryFunction, code, context.version)),
    );
    return {
      payload: ANSWERS.filter(([queryFunction]) => asked.has(queryFunction)).flatMap(([, answer]) =>
        answer(context),
      ),
    };
  },
};

/** A group exists if an object is of it. @throws KmipError Unknown Object Group */
async function findGroup({ store, tenant }: OperationContext, group: string): Promise<void> {
  const term = termOf("Object Group", { t: "text", v: group });
  for await (const _ of store.search(tenant, { terms: term === null ? [] : [term] })) {
    return;
  }
  throw new KmipError(FAILURES.unknownObjectGroup, "There is no such Object Group");
}

/** Table 42; 2.1: Table 356 */
function capabilities(version: KmipVersion): Item {
  const fields: Item[] = [
    boolean(Tag.StreamingCapability, true),
    boolean(Tag.AsynchronousCapability, false),
    boolean(Tag.AttestationCapability, false),
  ];
  if (version >= KmipVersion.V1_4) {
    fields.push(boolean(Tag.BatchUndoCapability, true), boolean(Tag.BatchContinueCapability, true));
  }
  return structure(Tag.CapabilityInformation, fields);
}

/** 2.1: Table 374 */
const defaultsItem = ({ objectType, algorithm, length, usageMask }: ObjectDefaults): Item =>
  structure(Tag.ObjectDefaults, [
    enumeration(Tag.ObjectType, objectType),
    structure(Tag.Attributes, [
      ...(algorithm === null ? [] : [enumeration(Tag.CryptographicAlgorithm, algorithm)]),
      integer(Tag.CryptographicLength, length),
      integer(Tag.CryptographicUsageMask, usageMask),
    ]),
  ]);
