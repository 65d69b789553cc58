/** Hash (KMIP 4.37), whole or in parts: of data alone, no object is needed. */

import { Operation } from "../protocol/enumerations";
import { invalidMessage } from "../protocol/errors";
import { optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { hashStream, runWhole } from "./cryptography/crypto-stream";
import { hashName } from "./cryptography/digests";
import { asParameters, parametersOf } from "./cryptography/parameters";
import type { OperationDefinition } from "./operation";
import { PARTS, withoutKey } from "./parts";

const REQUEST = schema({ parameters: optional(Tag.CryptographicParameters, asParameters), ...PARTS });

export const hash: OperationDefinition = {
  code: Operation.Hash,
  since: KmipVersion.V1_2,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { parameters } = request;
    const { output, correlation, result } = await withoutKey(context, Operation.Hash, request, () => {
      // Table 235 (2.1) requires them, and Table 237 has no reason for bad ones.
      if (parameters === undefined) {
        throw invalidMessage("Cryptographic Parameters are missing");
      }
      const name = hashName(parametersOf(parameters));
      const open = () => hashStream(name);
      return { parameters, parts: true, whole: (key, data) => runWhole(open(), key, data), open };
    });
    return { payload: [...output(Tag.Data), ...correlation], ...result };
  },
};
