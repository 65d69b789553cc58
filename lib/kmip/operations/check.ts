/** Check (KMIP 4.10): may the client use an object as it means to? */

import { isDestroyed, stateAt } from "../attributes/lifecycle";
import { leaseOf, numberOf } from "../attributes/view";
import { CryptographicUsageMask, ObjectType, Operation } from "../protocol/enumerations";
import { FAILURES, type Failure, illegalOperation, KmipError, objectDestroyed } from "../protocol/errors";
import {
  asInteger,
  asInterval,
  asLongInteger,
  asText,
  optional,
  readFields,
  schema,
} from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { type Item, integer, interval, longInteger, text } from "../ttlv/item";
import { findObject, identifierOf } from "./objects/lookup";
import { usageLimitsOf } from "./objects/usage-limits";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  usageLimitsCount: optional(Tag.UsageLimitsCount, asLongInteger),
  usageMask: optional(Tag.CryptographicUsageMask, asInteger),
  leaseTime: optional(Tag.LeaseTime, asInterval),
});

export const check: OperationDefinition = {
  code: Operation.Check,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const object = await findObject(context, identifier);
    if (isDestroyed(stateAt(object, context.now))) {
      throw objectDestroyed("The object has been destroyed");
    }
    if (object.objectType === ObjectType.Template) {
      throw illegalOperation("Templates are not used");
    }
    const { usageLimitsCount, usageMask, leaseTime } = request;
    // Table 193: only what is denied is answered.
    const denied: Item[] = [];
    let failure: Failure = FAILURES.permissionDenied;
    const limits = usageLimitsOf(object.attributes);
    if (usageLimitsCount !== undefined && limits !== null && usageLimitsCount > limits.count) {
      denied.push(longInteger(Tag.UsageLimitsCount, usageLimitsCount));
      failure = FAILURES.usageLimitExceeded;
    }
    const mask = numberOf(object.attributes, "Cryptographic Usage Mask") ?? 0;
    const unrestricted = (mask & CryptographicUsageMask.Unrestricted) !== 0;
    if (usageMask !== undefined && (usageMask & ~mask) !== 0 && !unrestricted) {
      denied.push(integer(Tag.CryptographicUsageMask, usageMask));
      failure = FAILURES.incompatibleUsageMask;
    }
    if (leaseTime !== undefined && leaseTime > leaseOf(object)) {
      denied.push(interval(Tag.LeaseTime, leaseTime));
    }
    if (denied.length > 0) {
      context.idPlaceholder = null;
      throw new KmipError(failure, "The object may not be used like this", { payload: denied });
    }
    return { payload: [text(Tag.UniqueIdentifier, identifier)] };
  },
};
