import { randomUUID } from "node:crypto";
import { type CallContext, type KeyManager, KeyManagerError } from "../key-manager";
import type { StoredKey, WrappedKeyStore } from "../wrapped-key-store";

type StandardKeys = Pick<
  KeyManager,
  "createStandardKey" | "findStandardKeys" | "getStandardKey" | "deleteStandardKey"
>;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Standard keys in the database. Nobody who can write to it can make a key of another identifier, name or token out of a
 * row: the token's HMAC over all of it is checked before the payload is believed.
 */
export function storedStandardKeys(options: {
  readonly store: WrappedKeyStore;
  /** What binds a row to the token. */
  readonly token: string;
  readonly requireSize: (bytes: Uint8Array, context: CallContext) => void;
  readonly sign: (data: Uint8Array, context: CallContext) => Promise<Uint8Array>;
  readonly verify: (data: Uint8Array, hmac: Uint8Array, context: CallContext) => Promise<boolean>;
}): StandardKeys {
  const { store, token } = options;

  return {
    async createStandardKey({ name, payload, description = "" }, context) {
      options.requireSize(payload, context);

      const key = { id: randomUUID(), name, description, payload };
      const hmac = await options.sign(signedBytes(token, key), context);
      await reach(() => store.insert(token, { ...key, hmac }), context);

      return { id: key.id };
    },

    async findStandardKeys(marks, context) {
      const ids = await reach(() => store.find(token, marks), context);

      return ids.map((id) => ({ id }));
    },

    async getStandardKey(id, context) {
      const key = UUID.test(id) ? await reach(() => store.read(token, id), context) : null;

      if (key === null) {
        throw new KeyManagerError("notFound", "The database has no such wrapped key of the token.", {
          code: "WRAPPED_KEY_NOT_FOUND",
          correlationId: context.correlationId,
        });
      }

      if (!(await options.verify(signedBytes(token, key), key.hmac, context))) {
        throw new KeyManagerError("ciphertext", "The token has not made the HMAC of this wrapped key.", {
          code: "TOKEN_HMAC_MISMATCH",
          correlationId: context.correlationId,
        });
      }

      return { id: key.id, name: key.name, payload: key.payload, state: "active" };
    },

    async deleteStandardKey(id, context) {
      if (UUID.test(id)) {
        await reach(() => store.delete(token, id), context);
      }
    },
  };
}

/** A database that does not answer is a key manager that is out of reach. */
async function reach<T>(task: () => Promise<T>, context: CallContext): Promise<T> {
  if (context.signal?.aborted) {
    throw new KeyManagerError("timeout", "The caller gave up.", {
      code: "CANCELLED",
      correlationId: context.correlationId,
    });
  }

  try {
    return await task();
  } catch (cause) {
    throw new KeyManagerError("unreachable", "The database with the wrapped keys could not be reached.", {
      code: "DATABASE_UNAVAILABLE",
      correlationId: context.correlationId,
      cause,
    });
  }
}

/** Each part with its length, so that no two rows become the same bytes. */
function signedBytes(token: string, key: Omit<StoredKey, "hmac">): Buffer {
  return Buffer.concat(
    [token, key.id, key.name, key.description, key.payload].flatMap((part) => {
      const bytes = typeof part === "string" ? Buffer.from(part, "utf8") : Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);

      return [length, bytes];
    }),
  );
}
