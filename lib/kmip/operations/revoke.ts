/** Revoke (KMIP 4.20). */

import { isCompromise, isRevocable, revocation, stateAt } from "../attributes/lifecycle";
import { appliesTo } from "../attributes/rules";
import { storedFromItem } from "../attributes/values";
import type { ManagedObject } from "../ports";
import { ObjectType, Operation, REVOCATION_REASON_CODES, State } from "../protocol/enumerations";
import { wrongState } from "../protocol/errors";
import {
  asDateTime,
  asEnumeration,
  asFields,
  asText,
  one,
  optional,
  readFields,
  schema,
} from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { dateTime, text } from "../ttlv/item";
import type { OperationContext } from "./context";
import { changeObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REVOCATION_REASON = schema({
  code: one(Tag.RevocationReasonCode, asEnumeration),
  message: optional(Tag.RevocationMessage, asText),
});

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  revocationReason: one(Tag.RevocationReason, asFields(REVOCATION_REASON)),
  compromiseOccurrenceDate: optional(Tag.CompromiseOccurrenceDate, asDateTime),
});

export const revoke: OperationDefinition = {
  code: Operation.Revoke,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { code, message } = request.revocationReason;
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const occurred = occurrence(request.compromiseOccurrenceDate, code);
    await changeObject(context, identifier, (object) => {
      if (!mayRevoke(context, object, code)) {
        throw wrongState("The object cannot be revoked for this reason in its state");
      }
      const reason = { code, ...(message === undefined ? {} : { message }), ...occurred };
      return { change: revocation(object, context.now, reason) };
    });
    return {
      payload: [text(Tag.UniqueIdentifier, identifier)],
      changed: true,
      data: { revocationReason: REVOCATION_REASON_CODES.nameOf(code) ?? code },
    };
  },
};

/** Opaque objects, which in 1.x are never Active, are revoked from where they are; templates never are (4.20). */
function mayRevoke({ version, now }: OperationContext, object: ManagedObject, code: number): boolean {
  const state = stateAt(object, now);
  if (object.objectType === ObjectType.Template) {
    return false;
  }
  if (state === State.PreActive && !appliesTo("State", object.objectType, version)) {
    return true;
  }
  return isRevocable(state, code);
}

/**
 * Table 212: only a compromise occurred at some time. Clients send the date with other reasons as well, of which it says
 * nothing: it is not kept.
 *
 * @throws KmipError Invalid Field for a date out of range
 */
function occurrence(seconds: bigint | undefined, code: number): { occurred?: Date } {
  if (seconds === undefined || !isCompromise(code)) {
    return {};
  }
  const stored = storedFromItem(dateTime(Tag.CompromiseOccurrenceDate, seconds));
  return { occurred: new Date(Number(stored.v) * 1000) };
}
