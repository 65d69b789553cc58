/** How MAC and MAC Verify begin (KMIP 4.33, 4.34). */
import { numberOf } from "../attributes/view";
import type { ManagedObject, StoredValue } from "../ports";
import { macStream, runWhole } from "./cryptography/crypto-stream";
import { macHash } from "./cryptography/digests";
import { effectiveParameters, parametersOf } from "./cryptography/parameters";
import type { Beginning } from "./parts";

/** @throws KmipError for parameters that make no MAC */
export function macBeginning(object: ManagedObject, given: StoredValue | undefined): Beginning {
  const parameters = effectiveParameters(given, object);
  const hash = macHash(numberOf(object.attributes, "Cryptographic Algorithm"), parametersOf(parameters));
  const open = (key: Uint8Array) => macStream(hash, key);
  return { parameters, parts: true, whole: (key, data) => runWhole(open(key), key, data), open };
}
