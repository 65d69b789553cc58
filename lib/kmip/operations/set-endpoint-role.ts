/**
 * Set Endpoint Role (KMIP 2.1: 6.1.54): who asks and who answers on this connection. The server answers, and stays at
 * that: it has nothing to ask of its clients.
 */
import { EndpointRole, Operation } from "../protocol/enumerations";
import { featureNotSupported } from "../protocol/errors";
import { asEnumeration, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { enumeration } from "../ttlv/item";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ role: one(Tag.EndpointRole, asEnumeration) });

export const setEndpointRole: OperationDefinition = {
  code: Operation.SetEndpointRole,
  since: KmipVersion.V2_0,
  handle(context, payload) {
    const { role } = readFields(REQUEST, payload, context);
    if (role !== EndpointRole.Server) {
      throw featureNotSupported("The server does not change over to asking its clients");
    }
    return { payload: [enumeration(Tag.EndpointRole, role)] };
  },
};
