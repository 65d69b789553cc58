/** Discover Versions (KMIP 4.26). */
import { Operation } from "../protocol/enumerations";
import { many, readFields, schema } from "../protocol/fields";
import { asProtocolVersion } from "../protocol/requests";
import { Tag } from "../protocol/tags";
import { KmipVersion, majorOf, minorOf, SUPPORTED_VERSIONS } from "../protocol/versions";
import { integer, structure } from "../ttlv/item";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ versions: many(Tag.ProtocolVersion, asProtocolVersion) });

export const discoverVersions: OperationDefinition = {
  code: Operation.DiscoverVersions,
  since: KmipVersion.V1_1,
  // A client that does not know yet what it may speak asks in the oldest version.
  early: true,
  handle(context, payload) {
    const { versions } = readFields(REQUEST, payload, context);
    const common = SUPPORTED_VERSIONS.filter(
      (version) =>
        versions.length === 0 ||
        versions.some(({ major, minor }) => major === majorOf(version) && minor === minorOf(version)),
    );
    return {
      payload: common.map((version) =>
        structure(Tag.ProtocolVersion, [
          integer(Tag.ProtocolVersionMajor, majorOf(version)),
          integer(Tag.ProtocolVersionMinor, minorOf(version)),
        ]),
      ),
    };
  },
};
