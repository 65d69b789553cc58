/**
 * Obtain Lease (KMIP 4.17): every client may have the full lease of an object that it may use. What has expired or is
 * compromised is no longer used but under extraordinary circumstances (3.22, 3.27), which a lease does not make.
 */

import { isDestroyed, stateAt } from "../attributes/lifecycle";
import { appliesTo } from "../attributes/rules";
import { instancesOf, leaseOf } from "../attributes/view";
import { Operation, State } from "../protocol/enumerations";
import { objectDestroyed, permissionDenied } from "../protocol/errors";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { dateTime, interval, text } from "../ttlv/item";
import { findObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText) });

export const obtainLease: OperationDefinition = {
  code: Operation.ObtainLease,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const object = await findObject(context, identifier);
    const state = stateAt(object, context.now);
    if (isDestroyed(state)) {
      throw objectDestroyed("No lease is granted for this object");
    }
    const usable = state === State.PreActive || state === State.Active;
    const leased = appliesTo("Lease Time", object.objectType, context.version);
    if (!leased || !object.served || !usable) {
      throw permissionDenied("No lease is granted for this object");
    }
    const changed = instancesOf(object, "Last Change Date", context.now, context.version)[0]?.v.v;
    return {
      payload: [
        text(Tag.UniqueIdentifier, identifier),
        interval(Tag.LeaseTime, leaseOf(object)),
        dateTime(Tag.LastChangeDate, BigInt(Number(changed))),
      ],
    };
  },
};
