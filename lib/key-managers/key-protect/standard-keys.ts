import {
  type CallContext,
  type KeyManager,
  KeyManagerError,
  type StandardKey,
  type StandardKeyMarks,
} from "../key-manager";
import { type Instance, readKey, scanKeys } from "./requests";
import { keyPath, nameSearch, only, toBase64 } from "./translate";
import { createdKeyEnvelope, keyWithPayloadEnvelope, type WireKey } from "./wire";

type StandardKeys = Pick<
  KeyManager,
  "createStandardKey" | "findStandardKeys" | "getStandardKey" | "deleteStandardKey"
>;

/** Standard keys of an instance. */
export function standardKeysOf(instance: Instance): StandardKeys {
  return {
    createStandardKey: (key, context) => create(instance, key, context),
    findStandardKeys: (marks, context) => find(instance, marks, context),
    getStandardKey: (id, context) => read(instance, id, context),
    deleteStandardKey: (id, context) => remove(instance, id, context),
  };
}

async function create(
  { transport, service, ...instance }: Instance,
  key: Parameters<KeyManager["createStandardKey"]>[0],
  context: CallContext,
): Promise<{ id: string }> {
  const keyRing = key.keyRing ?? instance.keyRing;
  const { resources } = await transport.callJson(
    createdKeyEnvelope,
    {
      method: "POST",
      path: "/keys",
      ...(keyRing === undefined ? {} : { keyRing }),
      prefer: "return=minimal",
      body: {
        metadata: { collectionType: "application/vnd.ibm.kms.key+json", collectionTotal: 1 },
        resources: [
          {
            type: "application/vnd.ibm.kms.key+json",
            name: key.name,
            extractable: true,
            payload: toBase64(key.payload),
            ...(key.description === undefined ? {} : { description: key.description }),
          },
        ],
      },
      // Names are not unique: sent twice, it would make two keys.
      repeat: "unprocessed",
    },
    context,
  );

  return { id: only(resources, service, context).id };
}

async function find(
  instance: Instance,
  { name, description }: StandardKeyMarks,
  context: CallContext,
): Promise<{ id: string }[]> {
  const isMeant = (key: WireKey) =>
    key.extractable && key.name === name && key.description === description && key.state !== "destroyed";
  const search = nameSearch(name);

  try {
    if (search !== null) {
      return await scanKeys(instance, { search }, isMeant, context);
    }
  } catch (error) {
    // Search covers 5,000 keys at most (KEY_SEARCH_TOO_BROAD); beyond that only the whole list tells.
    if (!(error instanceof KeyManagerError) || error.status !== 400) {
      throw error;
    }
  }

  return scanKeys(instance, {}, isMeant, context);
}

async function read(
  { transport, service }: Instance,
  id: string,
  context: CallContext,
): Promise<StandardKey> {
  const { resources } = await transport.callJson(
    keyWithPayloadEnvelope,
    { method: "GET", path: keyPath(id), repeat: "safe", shared: true },
    context,
  );
  const key = only(resources, service, context);

  if (key.state === "destroyed" || key.deleted) {
    throw new KeyManagerError("deleted", `The key was deleted in ${service}.`, {
      status: 200,
      correlationId: context.correlationId,
    });
  }

  if (!key.extractable || key.payload === undefined) {
    throw new KeyManagerError("rejected", `The key in ${service} is no standard key.`, {
      status: 200,
      code: "NOT_A_STANDARD_KEY",
      correlationId: context.correlationId,
    });
  }

  return { id: key.id, name: key.name, payload: key.payload, state: key.state };
}

async function remove(instance: Instance, id: string, context: CallContext): Promise<void> {
  const { transport, service } = instance;

  try {
    const key = await readKey(instance, id, context);

    if (key.state === "destroyed" || key.deleted) {
      return;
    }

    // A root key's id here would be a mistake that destroys every KEK under it.
    if (!key.extractable) {
      throw new KeyManagerError("rejected", `The key in ${service} is a root key and is not deleted.`, {
        code: "NOT_A_STANDARD_KEY",
        correlationId: context.correlationId,
      });
    }

    await transport.call(
      { method: "DELETE", path: keyPath(id), prefer: "return=minimal", repeat: "safe" },
      context,
    );
  } catch (error) {
    if (error instanceof KeyManagerError && (error.failure === "notFound" || error.failure === "deleted")) {
      return;
    }

    throw error;
  }
}
