import type { KeyManager, WrappedKey } from "../key-manager";
import type { Instance } from "./requests";
import { keyPath, toBase64 } from "./translate";
import { unwrapResponse, wrapResponse } from "./wire";

/** `POST /keys/{id}/actions/wrap` and `…/unwrap`. */
export function wrappingOf({ transport }: Instance): Pick<KeyManager, "wrap" | "unwrap"> {
  return {
    async wrap(crkId, plaintext, aad, context) {
      const answer = await transport.callJson(
        wrapResponse,
        {
          method: "POST",
          path: `${keyPath(crkId)}/actions/wrap`,
          body: { plaintext: toBase64(plaintext), aad },
          // A second wrap makes another ciphertext of the same key, and leaves nothing behind.
          repeat: "safe",
        },
        context,
      );

      return { bytes: answer.ciphertext, crkVersion: answer.keyVersion?.id ?? null };
    },

    async unwrap(crkId, wrapped, aad, context) {
      const answer = await transport.callJson(
        unwrapResponse,
        {
          method: "POST",
          path: `${keyPath(crkId)}/actions/unwrap`,
          body: { ciphertext: toBase64(wrapped), aad },
          repeat: "safe",
          shared: true,
        },
        context,
      );
      const rewrapped: WrappedKey | null = answer.ciphertext
        ? { bytes: answer.ciphertext, crkVersion: answer.rewrappedKeyVersion?.id ?? null }
        : null;

      return {
        plaintext: answer.plaintext,
        crkVersion: answer.keyVersion?.id ?? null,
        ...(rewrapped === null ? {} : { rewrapped }),
      };
    },
  };
}
