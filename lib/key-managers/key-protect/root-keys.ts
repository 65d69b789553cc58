import { type KeyManager, KeyManagerError } from "../key-manager";
import { type Instance, LIVING_STATES, listKeys, readKey } from "./requests";
import { keyPath, makeCursor, parseCursor, searchText, toRootKey } from "./translate";
import { keyRingEnvelope } from "./wire";

const MAX_LIST_LIMIT = 200;

type RootKeys = Required<Pick<KeyManager, "getRootKey" | "rotateRootKey" | "listRootKeys" | "listKeyRings">>;

/** Root keys of an instance, and the key rings that they are in. */
export function rootKeysOf(instance: Instance): RootKeys {
  const { transport, service } = instance;

  return {
    async getRootKey(crkId, context) {
      const key = await readKey(instance, crkId, context);

      if (key.extractable) {
        throw new KeyManagerError("rejected", `The key in ${service} is a standard key, not a root key.`, {
          code: "NOT_A_ROOT_KEY",
          correlationId: context.correlationId,
        });
      }

      return toRootKey(key);
    },

    async rotateRootKey(crkId, context) {
      // Sent twice, it would be refused (one rotation an hour), and that refusal would look like a failure.
      await transport.call(
        { method: "POST", path: `${keyPath(crkId)}/actions/rotate`, repeat: "unprocessed" },
        context,
      );
    },

    async listRootKeys(query, context) {
      const limit = Math.min(Math.max(query.limit ?? 50, 1), MAX_LIST_LIMIT);
      const offset = query.cursor === undefined ? 0 : parseCursor(query.cursor, context);
      // One more than asked tells whether there is another page.
      const keys = await listKeys(
        instance,
        {
          state: LIVING_STATES,
          extractable: "false",
          limit: String(limit + 1),
          offset: String(offset),
          ...(query.search ? { search: searchText(query.search) } : {}),
        },
        context,
        query.keyRing,
      );
      const page = keys.slice(0, limit);

      return {
        items: page.filter((key) => !key.extractable).map(toRootKey),
        nextCursor: keys.length > limit ? makeCursor(offset + limit) : null,
      };
    },

    async listKeyRings(context) {
      const { resources } = await transport.callJson(
        keyRingEnvelope,
        { method: "GET", path: "/key_rings", repeat: "safe", shared: true },
        context,
      );

      return resources.map(({ id }) => ({ id }));
    },
  };
}
