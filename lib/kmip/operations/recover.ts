/** Recover (KMIP 4.23): an archived object is on-line again. One that is on-line already stays so. */
import { isArchived, recovery } from "../attributes/lifecycle";
import { Operation } from "../protocol/enumerations";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { changeObject, findStored, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText) });

export const recover: OperationDefinition = {
  code: Operation.Recover,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const answer = [text(Tag.UniqueIdentifier, identifier)];
    const archived = isArchived(await findStored(context, identifier));
    if (archived) {
      const decide = (object: Parameters<typeof recovery>[0]) => ({ change: recovery(object, context.now) });
      await changeObject(context, identifier, decide, { find: findStored });
    }
    context.idPlaceholder = identifier;
    return { payload: answer, changed: archived };
  },
};
