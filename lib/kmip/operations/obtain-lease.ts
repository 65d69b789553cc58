/** Obtain Lease (KMIP 4.17): every client may have the full lease of an object that it may use. */
import { instancesOf, LEASE_SECONDS } from "../attributes/view";
import { permissionDenied } from "../errors";
import { isDestroyed, stateAt } from "../lifecycle";
import { ObjectType, Operation, State } from "../protocol/enumerations";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { dateTime, interval, text } from "../ttlv/item";
import { findObject, identifierOf, type OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText) });

export const obtainLease: OperationDefinition = {
  code: Operation.ObtainLease,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const object = await findObject(context, identifier);
    const state = stateAt(object, context.now);
    const compromised = state === State.Compromised && !context.tenant.policy.serveCompromised;
    const leased = object.objectType !== ObjectType.OpaqueObject;
    if (!leased || !object.served || isDestroyed(state) || compromised) {
      throw permissionDenied("No lease is granted for this object");
    }
    const changed = instancesOf(object, "Last Change Date", context.now)[0]?.v.v;
    return {
      payload: [
        text(Tag.UniqueIdentifier, identifier),
        interval(Tag.LeaseTime, LEASE_SECONDS),
        dateTime(Tag.LastChangeDate, BigInt(Number(changed))),
      ],
    };
  },
};
